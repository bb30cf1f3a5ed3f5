"""Is what followed the analogues worth more than what followed any moment of the same regime?

Measured where the networks had learned nothing: for moments of the test stretch, the CRPS of the
analogues' next-day moves against that of all past moments which the rule on trailing data gave the
same movement and agitation. Only outcomes that were known at the moment take part on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ml.pattern.analogues import LEAST, Library
from ml.stats import BLOCK_DAYS, ratio_interval

_DRAWS = 1000
#: Every so many-th entry of the test stretch is asked.
_STRIDE = 3
#: Difference, and its interval, among the figures of a model.
METRICS = ("analogues", "analogues_low", "analogues_high")


def sample_crps(moves: np.ndarray, truth: float) -> float:
    """CRPS of the empirical distribution of `moves`: E|X - y| - E|X - X'| / 2."""
    ordered = np.sort(moves)
    n = len(ordered)
    spread = np.sum((2 * np.arange(1, n + 1) - n - 1) * ordered) / n**2
    return float(np.mean(np.abs(ordered - truth)) - spread)


def prove(library: Library, since: int, day: int) -> tuple[float, float, float] | None:
    """Mean difference in CRPS (s24; below 0 the analogues are better) with its 95 % interval by a
    block bootstrap over days; None where too little was asked. Asked are the entries from the
    second `since` on; `day` is in seconds."""
    gains, days = [], []
    first = int(np.searchsorted(library.seconds, since))
    for entry in range(first, len(library), _STRIDE):
        stop = library.until(int(library.seconds[entry]), day)
        same = np.flatnonzero(library.regimes[:stop] == library.regimes[entry])
        if len(same) < LEAST:
            continue
        found, _ = library.nearest(library.points[entry], stop, day)
        truth = float(library.moves[entry])
        gains.append(
            sample_crps(library.moves[found], truth) - sample_crps(library.moves[same], truth)
        )
        days.append(int(library.seconds[entry]) // day)
    if len(set(days)) <= BLOCK_DAYS:
        return None
    interval = ratio_interval(np.array(days), np.array(gains), np.ones(len(gains)), draws=_DRAWS)
    return float(np.mean(gains)), *interval


def as_metrics(gain: tuple[float, float, float] | None) -> dict[str, float | None]:
    """What `prove` found, among the figures of a model."""
    values = gain or (None, None, None)
    return dict(zip(METRICS, values, strict=True))


def from_metrics(metrics: Mapping[str, float | None]) -> tuple[float, float, float] | None:
    """What `prove` found, back from the figures of a model."""
    mean, low, high = (metrics.get(name) for name in METRICS)
    return None if mean is None or low is None or high is None else (mean, low, high)
