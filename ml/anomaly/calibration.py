"""Thresholds that keep a promise of so many false alarms a week, from history nobody has labelled.

Alarms cluster, so episodes are counted, not rows. The history is contaminated: real anomalies hold
the count up at high thresholds. So the rate of episodes over the threshold is fitted as
exp(a + b t) + c, where c is what anomalies add everywhere, and the promise is read off the
exponential.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.anomaly.alarms import alarm_rows, episodes

#: Public score of a row exactly at the calibrated threshold; twice as strange is 0.2.
PUBLIC_THRESHOLD = 0.1
PROMISE_PER_WEEK = 1.0
#: False alarms a week for which a threshold is learned; others lie in between.
RATES = (0.25, 0.5, 1.0, 2.0, 3.5, 7.0, 14.0)
_LEVELS = 60


@dataclass(frozen=True)
class Promise:
    """Raw thresholds, descending, for RATES."""

    thresholds: tuple[float, ...]

    @property
    def weekly(self) -> float:
        """The threshold of one false alarm a week."""
        return self.at(PROMISE_PER_WEEK)

    def at(self, per_week: float) -> float:
        """The raw threshold of a rate; beyond RATES along the last line."""
        x, rates, y = np.log(per_week), np.log(RATES), np.array(self.thresholds)
        i = int(np.clip(np.searchsorted(rates, x) - 1, 0, len(rates) - 2))
        slope = (y[i + 1] - y[i]) / (rates[i + 1] - rates[i])
        return max(float(y[i] + slope * (x - rates[i])), 1e-3)

    def public(self, raw: np.ndarray) -> np.ndarray:
        """Raw scores -> public ones: proportional, the weekly threshold at 0.1."""
        return PUBLIC_THRESHOLD * raw / self.weekly

    def to_json(self) -> dict[str, Any]:
        return {"thresholds": list(self.thresholds)}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Promise:
        return cls(tuple(body["thresholds"]))


def calibrate(scores: np.ndarray, *, weeks: float) -> Promise:
    """Thresholds on raw scores (rows,) in the order of time that last `weeks`; NaN is unscored."""
    known = scores[np.isfinite(scores)]
    if not len(known) or weeks <= 0:
        return Promise(tuple(1.0 - 0.01 * i for i in range(len(RATES))))
    rank = np.geomspace(2.0, max(12.0, 6 * 14 * weeks), _LEVELS) / len(known)
    levels = np.unique(np.quantile(known, 1 - np.minimum(rank, 0.5)))
    counted = np.array([episodes(alarm_rows(known, t)) for t in levels]) / weeks
    found = [_threshold(levels, counted, promise, weeks) for promise in RATES]
    top = 1.5 * float(known.max()) + 1e-3
    # Never beyond anything that was ever seen, and strictly fewer alarms for a higher threshold.
    found = np.minimum(np.maximum.accumulate(found[::-1])[::-1], top)
    return Promise(tuple(map(float, found - 1e-6 * np.arange(len(found)))))


def _threshold(levels: np.ndarray, counted: np.ndarray, promise: float, weeks: float) -> float:
    # A short history cannot resolve a small rate: look at rates that it holds some episodes of.
    low, high = max(0.8 * promise, 4 / weeks), max(5 * promise, 20 / weeks)
    fair = (counted >= low) & (counted <= high)
    fitted = _fit(levels[fair], counted[fair], promise) if fair.sum() >= 4 else None
    if fitted is not None:
        return max(fitted, 1e-3)
    kept = levels[counted <= promise]
    return float(kept[0]) if len(kept) else float(levels[-1]) * 1.05


def _fit(levels: np.ndarray, rate: np.ndarray, promise: float) -> float | None:
    """Fit rate = exp(a + b level) + c by a search over c; the level where exp(...) = promise."""
    best: tuple[float, float] | None = None
    for c in np.linspace(0.0, 0.95 * rate.min(), 20):
        b, a = np.polyfit(levels, np.log(rate - c), 1)
        error = float(np.sum((np.log(np.exp(a + b * levels) + c) - np.log(rate)) ** 2))
        if b < 0 and (best is None or error < best[0]):
            best = error, float((np.log(promise) - a) / b)
    return None if best is None else best[1]
