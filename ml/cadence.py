"""How often a market is quoted: the mode of the gaps between its recent quotes, and the grid's step
that follows from it. Computed anew as quotes come; no row decides alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.spec import DEFAULT_STEP_MINUTES

#: Steps that a grid may have, in minutes.
STEPS = (1, 5, 10, 15, 30, 60, 120, 240, 720, 1440)
#: Quoted time that counts as recent history, and the least gaps that it holds.
RECENT_DAYS = 28.0
_LEAST_GAPS = 20
#: A gap beyond a day and a half is a pause, unless most gaps are.
_PAUSE_MINUTES = 1.5 * 1440
#: Gaps within this factor of each other are the same one: collectors are seldom punctual.
_ALIKE = 2.0
_COMFORTABLE_ROWS = 4000


def cadence_minutes(
    timestamps: pd.DatetimeIndex, *, recent_days: float = RECENT_DAYS
) -> float | None:
    """The typical gap in minutes of the last `recent_days` of quoted time; None below two moments.

    The mode of the gaps, each weighted by the square root of its length: half way between counting
    rows, which a burst of polling would win, and counting time, which the nights of a market that
    closes would win. Pauses are left out, so neither a year's silence nor a few rows on its far
    side say anything. `timestamps` are sorted.
    """
    gaps = _gaps(timestamps)
    return _mode(_recent(gaps, recent_days * 1440)) if len(gaps) else None


def infer_step_minutes(timestamps: pd.DatetimeIndex, *, span_minutes: float | None = None) -> int:
    """A market's own grid step in minutes: 30 unless its quotes come clearly more seldom, or come
    more often over so short a time that 30 minutes would leave too few rows to learn from.
    `span_minutes` is how long the history is, where `timestamps` are its newest part alone."""
    typical = cadence_minutes(timestamps)
    if typical is None or len(timestamps) < 3:
        return DEFAULT_STEP_MINUTES
    if typical > 1.5 * DEFAULT_STEP_MINUTES:
        return next((s for s in STEPS if s >= 0.9 * typical), STEPS[-1])
    span = float(_gaps(timestamps).sum()) if span_minutes is None else span_minutes
    for step in reversed([s for s in STEPS if s <= DEFAULT_STEP_MINUTES]):
        if span / step >= _COMFORTABLE_ROWS or step * 0.9 <= typical:
            return step
    return STEPS[0]


def _gaps(timestamps: pd.DatetimeIndex) -> np.ndarray:
    """Minutes between neighbours; without the pauses, unless most are."""
    steps = np.diff(timestamps.as_unit("ns").asi8)
    gaps = steps[steps > 0] / 6e10
    short = gaps <= _PAUSE_MINUTES
    if short.all() or 2 * short.sum() < len(gaps):
        return gaps
    return gaps[short]


def _recent(gaps: np.ndarray, minutes: float) -> np.ndarray:
    """The last gaps that fill so many minutes."""
    back = np.cumsum(gaps[::-1])
    return gaps[-max(int((back <= minutes).sum()), _LEAST_GAPS) :]


def _mode(gaps: np.ndarray) -> float:
    """The weighted median within the heaviest group of like gaps."""
    gaps = np.sort(gaps)
    weight = np.concatenate([[0.0], np.cumsum(np.sqrt(gaps))])
    end = np.searchsorted(gaps, gaps * _ALIKE * (1 + 1e-9), side="right")
    first = int(np.argmax(weight[end] - weight[:-1]))
    last = int(end[first])
    middle = (weight[first] + weight[last]) / 2
    return float(gaps[min(int(np.searchsorted(weight[1:], middle)), last - 1)])
