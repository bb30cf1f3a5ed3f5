"""What the readings before a row say about its usual size. Never with the row itself."""

from __future__ import annotations

import numpy as np

from ml.anomaly.readings import Readings

#: Readings of the trailing quantile (15 days at half-hour steps) and how many make it trustworthy.
TRAIL = 720
TRUSTED = 240
QUANTILE = 0.9
#: The quantile is taken anew when a clock of so many usual gaps has moved on.
REFRESH = 24


def bucket(minutes: np.ndarray, usual: float) -> np.ndarray:
    """Number of the stretch of the clock in which each time lies."""
    return np.floor(minutes / (REFRESH * usual) + 1e-9).astype(np.int64)


def quantile_of(block: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """(rows, k) -> (k,): the 90 % quantile, leaning towards `fallback` while there are fewer than
    TRUSTED rows, and never below a quarter of it."""
    if not len(block):
        return fallback
    place = int(QUANTILE * (len(block) - 1))
    weight = min(len(block) / TRUSTED, 1.0)
    local = np.partition(block, place, axis=0)[place]
    return np.maximum(weight * local + (1 - weight) * fallback, fallback / 4)


def trailing_quantile(
    readings: Readings, sizes: np.ndarray, fallback: np.ndarray, usual: float
) -> np.ndarray:
    """(rows, k) sizes -> (rows, k): their quantile over the TRAIL readings before each row."""
    series = sizes[readings.last]
    # A reading's quantile stands when its first row comes, so no row of its own is in it.
    first = np.r_[0, readings.last[:-1] + 1] if len(series) else readings.last
    clock = bucket(readings.minutes[first], usual)
    starts = np.flatnonzero(np.r_[True, np.diff(clock) != 0][: len(series)])
    out = np.empty_like(series)
    for start, end in zip(starts, np.r_[starts[1:], len(series)], strict=True):
        out[start:end] = quantile_of(series[max(0, start - TRAIL) : start], fallback)
    return out[readings.reading]
