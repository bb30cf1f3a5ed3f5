"""Causal channels of the recogniser: row t is computed from rows <= t and nothing else.

All are relative to trailing scales and squashed by asinh, so a market at 10 and one at 800 look
alike, and one bad quote does not own the window.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.grid import arrays_of
from ml.pattern.course import DAY, HALF, QUICK, WARM_UP, Course, diff, slope
from ml.pattern.projection import agitation_projections, price_projections, side_projections
from ml.pattern.rolling import rolling_extreme, rolling_mean, rolling_median
from ml.quotes import STALE_MINUTES, staleness_limit

#: Two logarithms of one price differ by no more: the mean of two sides is rounded at every scale in
#: another place.
SAME_PRICE = 1e-11
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


def mirror_of(names: tuple[str, ...]) -> np.ndarray:
    """(channels,) of 1 and -1: multiplying by it turns the market upside down."""
    return np.array([-1.0 if name in DIRECTED else 1.0 for name in names], dtype=np.float32)


def _history(course: Course, rows: int) -> dict[str, np.ndarray]:
    """Channels of what has been: moves, slopes, gaps and agitation of the price, and the sides."""
    path, smooth, quick = course.path, course.smooth, course.quick
    now, clean = path[-rows:], smooth[-rows:]
    scale, usual = course.scale[-rows:], course.usual[-rows:]
    high = rolling_extreme(smooth, DAY, rows)
    low = rolling_extreme(smooth, DAY, rows, low=True)
    middle = rolling_median(path, QUICK, least=1, rows=rows)
    mean = rolling_mean(smooth, DAY, least=1, rows=rows)
    stirred = rolling_mean(quick, HALF // 2, least=3, rows=rows)
    out = {
        "return": 5 * diff(path, 1, rows) / scale,
        "gap_short": 3 * (now - middle) / scale,
        "gap_day": 2 * (clean - mean) / scale,
        "move_quick": 2 * diff(smooth, QUICK, rows) / scale,
        "move_day": diff(smooth, DAY, rows) / scale,
        "slope_half": DAY * slope(smooth, HALF, rows) / scale,
        "slope_day": DAY * slope(smooth, DAY, rows) / scale,
        "agitation_short": stirred / usual - 1,
        "agitation_day": 2 * (course.stir[-rows:] / usual - 1),
        "range_day": (high - low) / scale - 1,
        "move_raw": 2 * np.abs(diff(path, QUICK, rows)) / scale,
        "age": np.minimum(course.column("age", rows), STALE_MINUTES) / 30 - 1,
        "fresh": 2 * _fresh(course, rows) - 1,
    }
    for head in course.heads():
        side, half = course.side(head), course.half(head)
        out[f"{head}_now"] = _distance(course, head, side, rows)
        out[f"{head}_half"] = _distance(course, f"{head} half", half, rows)
    return out


def _fresh(course: Course, rows: int) -> np.ndarray:
    """(rows,) share of the last half day's rows that have another price than the row before."""
    path = course.path
    seen = min(len(path), rows + HALF - 1)
    moved = (~(np.abs(diff(path, 1, seen)) <= SAME_PRICE)).astype(float)
    return rolling_mean(moved, HALF, least=HALF, rows=rows)


def _distance(course: Course, name: str, series: np.ndarray, rows: int) -> np.ndarray:
    """(rows,) distance to the 28-day median in units of the MAD."""
    middle, mad = course.typical(name, series)
    found: np.ndarray = (series[-rows:] - middle[-rows:]) / mad[-rows:]
    return found


def make_channels(
    grid: pd.DataFrame, course: Course | None = None
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and (rows, channels) float32. Unknown values are 0, the middle of every channel."""
    own = course or Course(grid)
    table = own.goes_on("channels", lambda rows: _table(own, rows))
    return own.names, table


def _table(course: Course, rows: int) -> np.ndarray:
    """(rows, channels) float32 of the last rows."""
    columns: dict[str, np.ndarray] = {
        **_history(course, rows),
        **price_projections(course, rows),
        **agitation_projections(course, rows),
        **side_projections(course, rows),
    }
    course.names = (*columns, "hour_sin", "hour_cos")
    index = course.grid.index[-rows:]
    hour = index.hour.to_numpy() + index.minute.to_numpy() / 60
    table = np.arcsinh(np.column_stack(list(columns.values())))
    clock = np.column_stack([np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12)])
    table = np.nan_to_num(np.hstack([table, clock]), nan=0.0, posinf=0.0, neginf=0.0)
    return table.astype(np.float32)


def whole_windows(grid: pd.DataFrame, window: int, *, step_minutes: int) -> np.ndarray:
    """(rows,) mask: the `window` rows up to and with this one hold no gap in the quotes."""
    live = arrays_of(grid, ("age",))["age"] <= staleness_limit(step_minutes)
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
