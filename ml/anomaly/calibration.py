"""One threshold that keeps a promise: one false alarm a week, from history nobody has labelled.

Alarms cluster, so episodes are counted, not rows. The history is contaminated: real anomalies hold
the count up at high thresholds, and they cluster in bad weeks. So the rate of episodes is the
median over blocks of several weeks, it is fitted as exp(a + b t) + c, where c is what anomalies add
everywhere, and the promise is read off the exponential.
"""

from __future__ import annotations

import numpy as np

#: Rows of silence after an alarm: one that is still up afterwards counts again.
SILENCE = 12
#: Public score of a row exactly at the calibrated threshold; twice as strange is 0.2.
PUBLIC_THRESHOLD = 0.1
PROMISE_PER_WEEK = 1.0
_LEVELS = 120
#: Weeks a block should last to count a weekly rate, and the most blocks.
_BLOCK_WEEKS = 4.0
_MOST_BLOCKS = 13


def episodes(alarm: np.ndarray) -> int:
    """Declustered alarms of a (rows,) mask: the first one silences the next SILENCE rows."""
    at = np.flatnonzero(alarm)
    count = i = 0
    while i < len(at):
        count += 1
        i = int(np.searchsorted(at, at[i] + SILENCE, side="right"))
    return count


def _rate(alarm: np.ndarray, weeks: float) -> float:
    """Episodes a week, the median over the blocks of a (rows,) mask that lasts `weeks`."""
    blocks = int(np.clip(weeks / _BLOCK_WEEKS, 1, _MOST_BLOCKS))
    counts = [episodes(part) for part in np.array_split(alarm, blocks)]
    return float(np.median(counts)) * blocks / weeks


def calibrate(scores: np.ndarray, *, step_minutes: int, promise: float = PROMISE_PER_WEEK) -> float:
    """Threshold on raw scores (rows,) whose false alarms keep the promise; NaN is unscored."""
    known = scores[np.isfinite(scores)]
    if not len(known):
        return 1.0
    weeks = len(known) * step_minutes / (7 * 24 * 60)
    rank = np.geomspace(3.0, max(12.0, 20 * weeks), _LEVELS) / len(known)
    levels = np.unique(np.quantile(known, 1 - np.minimum(rank, 0.5)))
    rate = np.array([_rate(known >= t, weeks) for t in levels])
    # A short history cannot resolve one a week: look at rates that it holds some episodes of.
    low, high = 0.8 * promise, 5 * promise
    if weeks < 8:
        low, high = max(low, 2 / weeks), max(high, 16 / weeks)
    fair = (rate >= low) & (rate <= high)
    fitted = _fit(levels[fair], rate[fair], promise) if fair.sum() >= 4 else None
    if fitted is None:
        kept = levels[rate <= promise]
        fitted = float(kept[0]) if len(kept) else float(known.max()) * 1.05
    # Never below the bulk, nor far beyond anything that was ever seen.
    return float(np.clip(fitted, max(np.quantile(known, 0.9), 1e-3), 1.5 * known.max() + 1e-3))


def _fit(levels: np.ndarray, rate: np.ndarray, promise: float) -> float | None:
    """Fit rate = exp(a + b level) + c by a search over c; the level where exp(...) = promise."""
    best: tuple[float, float] | None = None
    for c in np.linspace(0.0, 0.95 * rate.min(), 20):
        b, a = np.polyfit(levels, np.log(rate - c), 1)
        error = float(np.sum((np.log(np.exp(a + b * levels) + c) - np.log(rate)) ** 2))
        if b < 0 and (best is None or error < best[0]):
            best = error, float((np.log(promise) - a) / b)
    return None if best is None else best[1]


def to_public(raw: np.ndarray, threshold: float) -> np.ndarray:
    """Raw scores -> public ones: proportional, the threshold at 0.1."""
    return PUBLIC_THRESHOLD * raw / threshold
