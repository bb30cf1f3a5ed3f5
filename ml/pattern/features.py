"""Causal channels of the recogniser: row t is computed from rows <= t and nothing else.

All are relative to trailing scales and squashed by asinh, so a market at 10 and one at 800 look
alike, and one bad quote does not own the window.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.pattern.labels import (
    DAY,
    HALF,
    MONTH,
    QUICK,
    clean,
    day_scale,
    depth,
    log_mid,
    slope,
)
from ml.spec import STALE_MINUTES


def _deviation(series: pd.Series) -> pd.Series:
    """Distance to the 28-day median in units of the MAD."""
    middle = series.rolling(MONTH, min_periods=DAY).median()
    mad = (series - middle).abs().rolling(MONTH, min_periods=DAY).median().clip(lower=1e-6)
    return (series - middle) / mad


def make_channels(grid: pd.DataFrame) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and (rows, channels) float32. Unknown values are 0, the middle of every channel."""
    path = log_mid(grid)
    smooth, scale = clean(path), day_scale(clean(path))
    quick = smooth.diff(QUICK).abs()
    day_quick = quick.rolling(DAY, min_periods=HALF).mean()
    usual = day_quick.rolling(MONTH, min_periods=DAY).median().clip(lower=1e-6)
    high, low = smooth.rolling(DAY).max(), smooth.rolling(DAY).min()
    columns = {
        "return": 5 * path.diff() / scale,
        "gap_short": 3 * (path - path.rolling(QUICK, min_periods=1).median()) / scale,
        "gap_day": 2 * (smooth - smooth.rolling(DAY, min_periods=1).mean()) / scale,
        "move_quick": 2 * smooth.diff(QUICK) / scale,
        "move_day": smooth.diff(DAY) / scale,
        "slope_half": DAY * slope(smooth, HALF) / scale,
        "slope_day": DAY * slope(smooth, DAY) / scale,
        "agitation_short": quick.rolling(HALF // 2, min_periods=3).mean() / usual - 1,
        "agitation_day": 2 * (day_quick / usual - 1),
        "range_day": (high - low) / scale - 1,
    }
    if "spread_pct" in grid.columns:
        spread = grid["spread_pct"].ffill(limit=DAY)
        columns["spread"] = _deviation(spread)
        columns["spread_half"] = _deviation(spread.rolling(HALF, min_periods=1).median())
    size = depth(grid)
    if size is not None:
        columns["depth"] = _deviation(size)
        columns["depth_half"] = _deviation(size.rolling(HALF, min_periods=1).median())
    hour = grid.index.hour.to_numpy() + grid.index.minute.to_numpy() / 60
    table = np.arcsinh(np.column_stack([c.to_numpy() for c in columns.values()]))
    clock = np.column_stack([np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12)])
    table = np.nan_to_num(np.hstack([table, clock]), nan=0.0, posinf=0.0, neginf=0.0)
    return (*columns, "hour_sin", "hour_cos"), table.astype(np.float32)


def whole_windows(grid: pd.DataFrame, window: int, *, step_minutes: int) -> np.ndarray:
    """(rows,) mask: the `window` rows up to and with this one hold no gap in the quotes."""
    live = (grid["age"] <= max(STALE_MINUTES, 6 * step_minutes)).to_numpy()
    since = np.cumsum(~live)
    before = np.r_[np.zeros(window, int), since[:-window]] if len(live) > window else 0 * since
    whole = since == before
    whole[: window - 1] = False
    return whole
