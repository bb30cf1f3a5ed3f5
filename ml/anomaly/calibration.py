"""Thresholds that keep to a rate of false alarms, from history that hardly anybody has labelled.

Alarms cluster, so episodes are counted, not rows. The history is contaminated: real anomalies hold
the count up at high thresholds. So the rate of episodes over the threshold t is fitted as
a 10^-(b t) + c, where c is what anomalies add everywhere, and the threshold of a rate is read off
the first part: an exponential tail of exceedances, as extreme value theory has it (Coles 2001, An
Introduction to Statistical Modeling of Extreme Values, chapter 4). b is known for scores in decades
of rarity; with b free the fit takes the slow decline of the anomalies' part for a heavy tail
(measured: a half to a fifth of the wanted alarms).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.anomaly.alarms import alarm_rows, count_episodes
from ml.errors import BadConfig, NotEnoughData
from ml.results import PUBLIC_THRESHOLD
from ml.spec import LabelledSpan

#: The false alarms a week of the public threshold.
ALARMS_PER_WEEK = 1.0
#: Rows below which neither a tail nor a threshold of one alarm a week can be learned.
LEAST_ROWS = 1000
#: Rows after a confirmed anomaly that say nothing about usual scores: the way back is a move too.
AFTERMATH = 24
#: Decades by which episodes become rarer per decade of rarity: rows would have 1 by their making;
#: episodes fall a little faster, since the rarer rows come in shorter trains.
SLOPE = 1.1
#: Episodes a week between which the rate is fitted: below, anomalies prevail; above, episodes melt
#: into each other. A short history must hold at least so many episodes.
_RANGE = (1.5, 10.0)
_LEAST_EPISODES = 6
_LEVELS = 60
_WEEKS = {"day": 1 / 7, "week": 1.0, "month": 52 / 12, "year": 52.0}
#: The range in which a rate can be kept: once in two years to ten a day.
_LEAST_PER_WEEK, _MOST_PER_WEEK = 0.01, 70.0
#: A sensitivity of 50 is one a week; every 15 points more are three times as many alarms.
_MIDDLE, _POINTS, _FACTOR = 50, 15.0, 3.0


def parse_alarm_rate(text: str) -> float:
    """ "1/week", "2/week", "1/day", "3/month" -> false alarms a week. Raises BadConfig."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*/\s*(day|week|month|year)\s*", text.lower())
    rate = float(found[1]) / _WEEKS[found[2]] if found else 0.0
    if not _LEAST_PER_WEEK <= rate <= _MOST_PER_WEEK:
        problem = (
            f'must be like "1/week" or "1/day", at most {_MOST_PER_WEEK:g} a week, not {text!r}'
        )
        raise BadConfig("This alarm rate cannot be promised.", {"alarm_rate": problem})
    return rate


def rate_of_sensitivity(sensitivity: float) -> float:
    """0..99 -> false alarms a week, as users of Azure's Anomaly Detector know it: higher means
    narrower margins and more alarms. 50 is one a week, 68 one in two days, 99 five a day, 0 one in
    nine months; in between the rate grows by equal factors. Raises BadConfig."""
    if not 0 <= sensitivity <= 99:
        raise BadConfig(
            "This sensitivity does not exist.",
            {"sensitivity": f"must be between 0 and 99, not {sensitivity:g}"},
        )
    return float(_FACTOR ** ((sensitivity - _MIDDLE) / _POINTS))


def too_few_rows(present: int, what: str) -> NotEnoughData:
    """The error of a detector that has only so many rows; `what` they must be for."""
    problem = f"An anomaly detector needs {LEAST_ROWS} rows {what}; there are {present}."
    return NotEnoughData(problem, needed=LEAST_ROWS, present=present)


def calibration_rows(index: pd.DatetimeIndex, labels: Iterable[LabelledSpan]) -> np.ndarray:
    """(rows,) False where somebody has confirmed an anomaly, and in the AFTERMATH: those rows do
    not count in a calibration. A confirmed false alarm overrules it: those rows are normal.

    Networks and tails learn from all rows: they are drawn so that rare trouble does not shape them,
    and without it they took every aftermath for trouble (measured)."""
    keep = np.full(len(index), True)
    for span in sorted(labels, key=lambda s: not s.true):
        inside = np.flatnonzero((index >= span.start) & (index <= span.end))
        if len(inside):
            keep[inside[0] : inside[-1] + 1 + AFTERMATH] = not span.true
    return keep


@dataclass(frozen=True)
class AlarmRateCalibration:
    """Which raw score keeps which rate of false alarms: `weekly` is that of one a week, `slope` how
    many decades fewer there are per unit of raw score."""

    weekly: float
    slope: float

    def threshold(self, per_week: float) -> float:
        """The raw score that so many false alarms a week reach."""
        return max(self.weekly - float(np.log10(per_week)) / self.slope, 0.05 * self.weekly)

    def public_threshold(self, per_week: float) -> float:
        """The same on the public scale."""
        return PUBLIC_THRESHOLD * self.threshold(per_week) / self.weekly

    def public(self, raw: np.ndarray) -> np.ndarray:
        """Raw scores -> public ones: proportional, the weekly threshold at PUBLIC_THRESHOLD."""
        return PUBLIC_THRESHOLD * raw / self.weekly

    def to_json(self) -> dict[str, Any]:
        """For the artifact's manifest; `from_json` reads it."""
        return {"weekly": self.weekly, "slope": self.slope}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> AlarmRateCalibration:
        """What `to_json` wrote."""
        return cls(body["weekly"], body["slope"])


def calibrate(
    scores: np.ndarray, *, weeks: float, slope: float | None = SLOPE
) -> AlarmRateCalibration:
    """Calibrate on raw scores (rows,) in the order of time that last `weeks`; those that are not
    finite do not count. `slope` is known for decades of rarity; None learns it."""
    known = scores[np.isfinite(scores)]
    if not len(known) or weeks <= 0 or known.max() <= 0:
        return AlarmRateCalibration(1.0, slope or 1.0)
    low, high = max(_RANGE[0], _LEAST_EPISODES / weeks), max(_RANGE[1], 6 * _LEAST_EPISODES / weeks)
    rank = np.geomspace(2.0, max(12.0, 12 * high * weeks), _LEVELS) / len(known)
    levels = np.unique(np.quantile(known, 1 - np.minimum(rank, 0.5)))
    levels = levels[levels > 0]
    rate = np.array([count_episodes(alarm_rows(known, t)) for t in levels]) / weeks
    fair = (rate >= low) & (rate <= high)
    if fair.sum() < 4:  # nothing between silence and uproar: just above what was seen
        return AlarmRateCalibration(1.05 * float(known.max()), slope or 1.0)
    weekly, found = _fit(levels[fair], rate[fair], slope)
    if slope == SLOPE:  # decades: at this level a single head would ring once a week
        weekly = max(weekly, float(np.log10(max(len(known) / weeks, 1.0))))
    return AlarmRateCalibration(float(np.clip(weekly, 1e-3, 1.5 * known.max())), found)


def _fit(levels: np.ndarray, rate: np.ndarray, slope: float | None) -> tuple[float, float]:
    """Fit rate = 10^(a - slope level) + c by a search over c: the level where the first part is
    one a week, and the slope."""
    best = (np.inf, float(levels[-1]), slope or 1.0)
    for c in np.linspace(0.0, 0.95 * rate.min(), 40):
        y = np.log10(rate - c)
        b = slope or max(-float(np.polyfit(levels, y, 1)[0]), 1e-6)
        a = float(np.mean(y + b * levels))
        error = float(np.sum(np.log10((10 ** (a - b * levels) + c) / rate) ** 2))
        if error < best[0]:
            best = (error, a / b, b)
    return best[1], best[2]
