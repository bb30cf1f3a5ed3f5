"""A score stays while its cause is still there: a price that jumped and has not come back is as
strange as it was when it jumped, a little less with every reading."""

from __future__ import annotations

import numpy as np

from ml.anomaly.readings import Readings

#: Readings for which a score can be held, decades it loses with each, and the share of the
#: displacement that must remain.
HOLD_ROWS = 16
DECAY = 0.07
REMAINS = 0.5
#: Readings before a row whose median is the level from which its displacement is measured.
REFERENCE = 12


def held(
    now: np.ndarray, then: np.ndarray, home: np.ndarray, score: np.ndarray, age: np.ndarray | int
) -> np.ndarray:
    """What is left of `score` after `age` readings: all arrays alike, levels `then` of the scored
    row, `home` before it, and `now`."""
    away = then - home
    lasts = ((now - home) * np.sign(away) >= REMAINS * np.abs(away)) & (away != 0)
    return np.where(lasts, score - DECAY * age, 0.0)


def hold(
    readings: Readings, decades: np.ndarray, level: np.ndarray, home: np.ndarray
) -> np.ndarray:
    """(rows,) the head's decades, held. `level` is the quantity that the head watches, `home` its
    median over the readings before each row."""
    out = decades.copy()
    series, then, start = decades[readings.last], level[readings.last], home[readings.last]
    for age in range(1, min(HOLD_ROWS, len(series) - 1) + 1):
        rows = np.flatnonzero(readings.reading >= age)
        past = readings.reading[rows] - age
        # Most heads say nothing most of the time: those rows can hold nothing.
        busy = series[past] > DECAY * age
        rows, past = rows[busy], past[busy]
        kept = held(level[rows], then[past], start[past], series[past], age)
        out[rows] = np.maximum(out[rows], kept)
    return out
