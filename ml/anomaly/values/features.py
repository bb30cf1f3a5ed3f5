"""What a plain value is looked at by: row t is computed from rows <= t and nothing else.

Six views: the value itself; its gap to the median of the last 96 rows; its gap to what the same
time of day had in the last seven days, in this row and as a mean over 12 and 48 rows (a missing
morning peak is ordinary row by row, and plain over 48); and how rough the last 24 steps were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

NAMES = ("value", "gap", "season", "season_12", "season_48", "roughness")
MEDIAN_ROWS = 96
ROUGH_ROWS = 24
DAYS = 7
_DAY = 86400.0
#: Below this many rows a day there is no time of day to speak of.
_LEAST_SLOTS = 4


@dataclass(frozen=True)
class ValueFeatures:
    """table: (rows, len(NAMES)) float64, finite. excess: (rows,) by how much a row tops the range
    of all rows before it, in multiples of that range; 0 where it does not."""

    table: np.ndarray
    excess: np.ndarray


def seconds_of(index: pd.DatetimeIndex) -> np.ndarray:
    """(rows,) seconds, never falling: where the clock was put back, time stands still."""
    return np.maximum.accumulate(index.as_unit("ns").asi8 / 1e9)


def typical_step(seconds: np.ndarray) -> float:
    """Median of the gaps that are gaps, in seconds."""
    gaps = np.diff(seconds)
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if len(gaps) else _DAY


def same_time_of_day(values: np.ndarray, seconds: np.ndarray, step: float) -> np.ndarray:
    """(rows,) median of the readings nearest to 1 .. DAYS days earlier, within one step; NaN where
    there is none."""
    if step * _LEAST_SLOTS > _DAY:
        return np.full(len(values), np.nan)
    found = np.full((DAYS, len(values)), np.nan)
    for day in range(1, DAYS + 1):
        wanted = seconds - day * _DAY
        at = np.searchsorted(seconds, wanted + step / 2, side="right") - 1
        near = (at >= 0) & (np.abs(seconds[np.maximum(at, 0)] - wanted) <= step)
        found[day - 1, near] = values[at[near]]
    known = np.isfinite(found).sum(axis=0)
    found.sort(axis=0)  # NaN last
    rows = np.arange(len(values))
    low, high = np.maximum(known - 1, 0) // 2, known // 2
    return np.where(
        known > 0, (found[low, rows] + found[np.minimum(high, DAYS - 1), rows]) / 2, np.nan
    )


def value_features(values: np.ndarray, seconds: np.ndarray, warm: int) -> ValueFeatures:
    """`values` (rows,) with NaN where unknown: an unknown reading stands for the last known one.
    `warm` rows at the beginning fix the step and the finest roughness that counts."""
    series = pd.Series(values).ffill()
    first = series.first_valid_index()
    series = series.fillna(0.0 if first is None else float(series[first]))
    value = series.to_numpy(dtype="float64")
    gap = value - series.rolling(MEDIAN_ROWS, min_periods=1).median().to_numpy()
    usual = same_time_of_day(value, seconds, typical_step(seconds[:warm]))
    season = np.where(np.isfinite(usual), value - usual, gap)
    rough = _roughness(np.diff(value, prepend=value[:1]))
    finest = 0.02 * value[:warm].std() + 1e-12
    means = [pd.Series(season).rolling(k, min_periods=1).mean().to_numpy() for k in (12, 48)]
    table = np.column_stack([value, gap, season, *means, np.log(rough + finest)])
    return ValueFeatures(table, _excess(value))


def unit_of(values: np.ndarray) -> float:
    """The power of two next to the size of what is known of `values` (rows,): in it a series has
    about the size of one, and no digit of it changes."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    return float(np.exp2(np.round(np.log2(np.median(size))))) if len(size) else 1.0


def _roughness(step: np.ndarray) -> np.ndarray:
    """(rows,) standard deviation of the last steps; 0, and not what a rolling sum has left over of
    a spike, where nothing moved."""
    rolling = pd.Series(step).rolling(ROUGH_ROWS, min_periods=2)
    still = pd.Series(np.abs(step)).rolling(ROUGH_ROWS, min_periods=1).max().to_numpy() == 0
    return np.where(still, 0.0, np.sqrt(np.maximum(rolling.var().fillna(0.0).to_numpy(), 0.0)))


def _excess(value: np.ndarray) -> np.ndarray:
    high, low = np.maximum.accumulate(value), np.minimum.accumulate(value)
    over = np.maximum(value[1:] - high[:-1], low[:-1] - value[1:])
    span = np.maximum(high - low, 1e-12 + 1e-9 * np.abs(value))[:-1]
    return np.r_[0.0, np.maximum(over, 0.0) / span]
