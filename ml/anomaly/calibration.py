"""Thresholds that keep a promise of so many false alarms a week, from history nobody has labelled.

Alarms cluster, so episodes are counted, not rows. The history is contaminated: real anomalies hold
the count up at high thresholds. So the rate of episodes over the threshold t is fitted as
a 10^-(b t) + c, where c is what anomalies add everywhere, and the promise is read off the first
part. b is known for scores in decades of rarity; with b free the fit takes the slow decline of the
anomalies' part for a heavy tail (measured: a half to a fifth of what was promised).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.anomaly.alarms import alarm_rows, episodes

#: Public score of a row exactly at the calibrated threshold; twice as strange is 0.2.
PUBLIC_THRESHOLD = 0.1
PROMISE_PER_WEEK = 1.0
#: Decades by which episodes become rarer per decade of rarity: rows would have 1 by their making;
#: episodes fall a little faster, since the rarer rows come in shorter trains.
SLOPE = 1.1
#: Episodes a week between which the rate is fitted: below, anomalies prevail; above, episodes melt
#: into each other. A short history must hold at least so many episodes.
_RANGE = (1.5, 10.0)
_LEAST_EPISODES = 6
_LEVELS = 60


@dataclass(frozen=True)
class Promise:
    """Raw thresholds: `weekly` is that of one false alarm a week, `slope` how many decades fewer
    there are per unit of raw score."""

    weekly: float
    slope: float

    def at(self, per_week: float) -> float:
        """The raw threshold of a rate."""
        return max(self.weekly - float(np.log10(per_week)) / self.slope, 0.05 * self.weekly)

    def public(self, raw: np.ndarray) -> np.ndarray:
        """Raw scores -> public ones: proportional, the weekly threshold at 0.1."""
        return PUBLIC_THRESHOLD * raw / self.weekly

    def to_json(self) -> dict[str, Any]:
        return {"weekly": self.weekly, "slope": self.slope}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Promise:
        return cls(body["weekly"], body["slope"])


def calibrate(scores: np.ndarray, *, weeks: float, slope: float | None = SLOPE) -> Promise:
    """The promise of raw scores (rows,) in the order of time that last `weeks`. `slope` is known
    for decades of rarity; None learns it."""
    known = scores[np.isfinite(scores)]
    if not len(known) or weeks <= 0 or known.max() <= 0:
        return Promise(1.0, slope or 1.0)
    low, high = max(_RANGE[0], _LEAST_EPISODES / weeks), max(_RANGE[1], 6 * _LEAST_EPISODES / weeks)
    rank = np.geomspace(2.0, max(12.0, 12 * high * weeks), _LEVELS) / len(known)
    levels = np.unique(np.quantile(known, 1 - np.minimum(rank, 0.5)))
    levels = levels[levels > 0]
    rate = np.array([episodes(alarm_rows(known, t)) for t in levels]) / weeks
    fair = (rate >= low) & (rate <= high)
    if fair.sum() < 4:  # nothing between silence and uproar: just above what was seen
        return Promise(1.05 * float(known.max()), slope or 1.0)
    weekly, found = _fit(levels[fair], rate[fair], slope)
    if slope == SLOPE:  # decades: at this level a single head would ring once a week
        weekly = max(weekly, float(np.log10(max(len(known) / weeks, 1.0))))
    return Promise(float(np.clip(weekly, 1e-3, 1.5 * known.max())), found)


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
