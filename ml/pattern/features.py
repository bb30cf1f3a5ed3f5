"""Causal channels of the recogniser: row t is computed from rows <= t and nothing else.

All are relative to trailing scales and squashed by asinh, so a market at 10 and one at 800 look
alike, and one bad quote does not own the window.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ml.pattern.labels import (
    DAY,
    HALF,
    QUICK,
    SAME_PRICE,
    WARM_UP,
    Course,
    diff,
    slope,
    usual_side,
)
from ml.pattern.projection import agitation_projections, price_projections, side_projections
from ml.quotes import STALE_MINUTES, staleness_limit

#: Channels that change their sign when the market is turned upside down.
DIRECTED = (
    "return",
    "gap_short",
    "gap_day",
    "move_quick",
    "move_day",
    "slope_half",
    "slope_day",
    "slope_flat",
    "slope_flat_raw",
    "slope_hours",
)


def _history(course: Course) -> dict[str, np.ndarray]:
    """Channels of what has been: moves, slopes, gaps and agitation of the price, and the sides."""
    smooth, quick = course.smooth, course.quick
    path, clean, scale, usual = course.arrays()
    day_quick = _of(quick.rolling(DAY, min_periods=HALF).mean())
    high, low = _of(smooth.rolling(DAY).max()), _of(smooth.rolling(DAY).min())
    middle = _of(course.path.rolling(QUICK, min_periods=1).median())
    mean = _of(smooth.rolling(DAY, min_periods=1).mean())
    change = diff(path, 1)
    fresh = pd.Series((~(np.abs(change) <= SAME_PRICE)).astype(float)).rolling(HALF).mean()
    out = {
        "return": 5 * change / scale,
        "gap_short": 3 * (path - middle) / scale,
        "gap_day": 2 * (clean - mean) / scale,
        "move_quick": 2 * diff(clean, QUICK) / scale,
        "move_day": diff(clean, DAY) / scale,
        "slope_half": DAY * _of(slope(smooth, HALF)) / scale,
        "slope_day": DAY * _of(slope(smooth, DAY)) / scale,
        "agitation_short": _of(quick.rolling(HALF // 2, min_periods=3).mean()) / usual - 1,
        "agitation_day": 2 * (day_quick / usual - 1),
        "range_day": (high - low) / scale - 1,
        "move_raw": 2 * np.abs(diff(path, QUICK)) / scale,
        "age": np.minimum(_of(course.grid["age"]), STALE_MINUTES) / 30 - 1,
        "fresh": 2 * _of(fresh) - 1,
    }
    for head, (series, centre, mad) in course.sides.items():
        out[f"{head}_now"] = (_of(series) - _of(centre)) / _of(mad)
        out[f"{head}_half"] = _distance(series.rolling(HALF, min_periods=1).median())
    return out


def _of(series: pd.Series) -> np.ndarray:
    """Its values: arithmetic of arrays takes a tenth of the time."""
    return series.to_numpy()


def _distance(series: pd.Series) -> np.ndarray:
    """Distance to the 28-day median in units of the MAD."""
    middle, mad = usual_side(series)
    return (_of(series) - _of(middle)) / _of(mad)


def make_channels(
    grid: pd.DataFrame, course: Course | None = None
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and (rows, channels) float32. Unknown values are 0, the middle of every channel."""
    course = course or Course(grid)
    columns: dict[str, Any] = {
        **_history(course),
        **price_projections(course),
        **agitation_projections(course),
        **side_projections(course),
    }
    hour = grid.index.hour.to_numpy() + grid.index.minute.to_numpy() / 60
    table = np.arcsinh(np.column_stack([np.asarray(c, dtype=float) for c in columns.values()]))
    clock = np.column_stack([np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12)])
    table = np.nan_to_num(np.hstack([table, clock]), nan=0.0, posinf=0.0, neginf=0.0)
    return (*columns, "hour_sin", "hour_cos"), table.astype(np.float32)


def whole_windows(grid: pd.DataFrame, window: int, *, step_minutes: int) -> np.ndarray:
    """(rows,) mask: the `window` rows up to and with this one hold no gap in the quotes."""
    live = (grid["age"] <= staleness_limit(step_minutes)).to_numpy()
    since = np.cumsum(~live)
    before = np.r_[np.zeros(window, int), since[:-window]] if len(live) > window else 0 * since
    whole = since == before
    whole[: window - 1] = False
    return whole


def usable_rows(grid: pd.DataFrame, window: int, step_minutes: int) -> np.ndarray:
    """(rows,) mask: an unbroken window behind and enough history for the trailing scales."""
    usable = whole_windows(grid, window, step_minutes=step_minutes)
    usable[:WARM_UP] = False
    return usable
