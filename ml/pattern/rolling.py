"""Trailing statistics of the last rows of a series: all rows, or the few that are new.

Values are float64, NaN where unknown; a row looks at itself and the `window` - 1 rows before it,
and is NaN where fewer than `least` of them are known. The last few of many rows cost what they
alone cost.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

#: Up to so many rows are taken by themselves; of more, sums and order are carried from row to row.
FEW = 8


def rolling_median(values: np.ndarray, window: int, *, least: int, rows: int) -> np.ndarray:
    """(rows,) medians of what is known, of the last rows of `values` (n,)."""
    if rows > FEW:
        return _carried(values, window, least, rows, "median")
    if rows == 1:
        known = values[-window:]
        known = np.sort(known[known == known])
        count = len(known)
        if count < max(least, 1):
            return np.full(1, np.nan)
        return (known[(count - 1) // 2 : (count - 1) // 2 + 1] + known[count // 2]) / 2
    ordered = np.sort(spans(values, window, rows), axis=1)  # NaN goes last
    count = window - np.isnan(ordered).sum(axis=1)
    at = np.arange(rows)
    low, high = ordered[at, np.maximum(count - 1, 0) // 2], ordered[at, count // 2]
    return np.where(count >= max(least, 1), (low + high) / 2, np.nan)


def rolling_mean(values: np.ndarray, window: int, *, least: int, rows: int) -> np.ndarray:
    """(rows,) means of what is known."""
    if rows > FEW:
        return _carried(values, window, least, rows, "mean")
    part = spans(values, window, rows)
    known = ~np.isnan(part)
    count = known.sum(axis=1)
    total = np.where(known, part, 0.0).sum(axis=1)
    return np.where(count >= max(least, 1), total / np.maximum(count, 1), np.nan)


def rolling_extreme(values: np.ndarray, window: int, rows: int, *, low: bool = False) -> np.ndarray:
    """(rows,) maxima (or minima) where the whole window is known."""
    if rows > FEW:
        return _carried(values, window, window, rows, "min" if low else "max")
    part = spans(values, window, rows)
    return part.min(axis=1) if low else part.max(axis=1)


def spans(values: np.ndarray, window: int, rows: int) -> np.ndarray:
    """(rows, window): each of the last rows and what lies before it, NaN before the start."""
    part = values[-(rows + window - 1) :]
    short = rows + window - 1 - len(part)
    if short:
        part = np.concatenate([np.full(short, np.nan), part])
    return part[None] if rows == 1 else sliding_window_view(part, window)


def _carried(values: np.ndarray, window: int, least: int, rows: int, what: str) -> np.ndarray:
    rolling = pd.Series(values[-(rows + window - 1) :]).rolling(window, min_periods=least)
    found: np.ndarray = getattr(rolling, what)().to_numpy()
    return found[-rows:]
