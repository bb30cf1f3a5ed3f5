"""The regimes, computed from a price path: centred (hindsight, for training) or trailing (a rule).

Centred labels name what is going on around a moment and look `HALF` rows ahead; they are only ever
used for training and judging. The trailing form is the same definition on the past alone: the
baseline. Scales are trailing in both. Rows: 48 make a day at half-hour steps.
Learn from: Lopez de Prado, Machine Learning for Asset Managers 5.4 (trend scanning), here with a
fixed span.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

DAY = 48
HALF = DAY // 2
MONTH = 28 * DAY
#: Rows of a "quick" move (3 h) and of the neighbourhood in which a shock is felt (4.5 h).
QUICK = 6
NEAR = 9
#: Rows of history that the trailing scales want before anything is named.
WARM_UP = 4 * DAY
LEAST_SCALE = 0.002

CLASSES = {
    "movement": ("down", "range", "up"),
    "agitation": ("calm", "volatile", "shock"),
    "spread": ("narrow", "normal", "wide"),
    "liquidity": ("thin", "normal", "deep"),
}
#: The heads that every market has, and by which a recogniser is judged.
MAIN_HEADS = ("movement", "agitation")


def log_mid(grid: pd.DataFrame) -> pd.Series:
    """Log mid of a grid. A missing side is bridged by the last known value for a day at most."""
    mid = grid["mid"].where(grid["mid"] > 0)
    return np.log(mid.ffill(limit=DAY))


def clean(path: pd.Series) -> pd.Series:
    """Median of the last three rows: a single bad quote is no movement. Causal."""
    return path.rolling(3, min_periods=1).median()


def day_scale(path: pd.Series) -> pd.Series:
    """s24: robust standard deviation of a day's log move over the last 28 days."""
    move = path.diff(DAY).abs()
    return (move.rolling(MONTH, min_periods=DAY).median() / 0.6745).clip(lower=LEAST_SCALE)


def slope(path: pd.Series, rows: int) -> pd.Series:
    """Least-squares slope per row over the last `rows` + 1 rows, NaN where one is missing."""
    x = np.arange(rows + 1) - rows / 2
    weight = x / np.sum(x**2)
    values = path.to_numpy()
    out = np.full(len(values), np.nan)
    if len(values) > rows:
        out[rows:] = np.convolve(values, weight[::-1], mode="valid")
    return pd.Series(out, index=path.index)


def _ahead(series: pd.Series, rows: int, *, centred: bool) -> pd.Series:
    """A trailing statistic, moved so that its span lies around the row instead of before it."""
    return series.shift(-rows) if centred else series


def _cut(value: pd.Series, low: float, high: float) -> np.ndarray:
    """0 below low, 1 between, 2 from high on; -1 where unknown."""
    value_ = value.to_numpy()
    out = np.where(value_ >= high, 2, np.where(value_ <= low, 0, 1))
    return np.where(np.isfinite(value_), out, -1)


def movement(grid: pd.DataFrame, *, centred: bool) -> np.ndarray:
    path = clean(log_mid(grid))
    steep = _ahead(slope(path, DAY), HALF, centred=centred) * DAY / day_scale(path)
    return _cut(steep, -0.5, 0.5)


def agitation(grid: pd.DataFrame, *, centred: bool) -> np.ndarray:
    path = clean(log_mid(grid))
    quick = path.diff(QUICK).abs()
    day = quick.rolling(DAY, min_periods=DAY // 2).mean()
    usual = day.rolling(MONTH, min_periods=DAY).median().clip(lower=1e-6)
    ratio = _ahead(day, HALF, centred=centred) / usual
    # A move over 6 rows that lies within 9 rows of the moment ends up to 9 rows after it.
    near = _ahead(
        quick.rolling(2 * NEAR - QUICK + 1 if centred else NEAR + 1).max(), NEAR, centred=centred
    )
    out = np.where(ratio >= 1.25, 1, 0)
    out = np.where(near >= 1.5 * day_scale(path), 2, out)
    return np.where(np.isfinite(ratio) & np.isfinite(near), out, -1)


def _side(series: pd.Series, *, centred: bool) -> np.ndarray:
    """A day's (centred: half-day's) median against the last 28 days, in units of their MAD."""
    middle = series.rolling(MONTH, min_periods=DAY).median()
    mad = (series - middle).abs().rolling(MONTH, min_periods=DAY).median().clip(lower=1e-6)
    now = _ahead(series.rolling(HALF, min_periods=HALF // 2).median(), HALF // 2, centred=centred)
    return _cut((now - middle) / mad, -0.75, 0.75)


def depth(grid: pd.DataFrame) -> pd.Series | None:
    """Log of the smaller side's volume, None where the market publishes none."""
    columns = [c for c in ("bid_volume", "ask_volume") if c in grid.columns]
    if not columns:
        return None
    smaller = grid[columns].ffill(limit=DAY).min(axis=1, skipna=False)
    return np.log(smaller.where(smaller > 0))


def heads_for(grid: pd.DataFrame) -> tuple[str, ...]:
    """The heads that a market's columns allow."""
    sides = ["spread"] if "spread_pct" in grid.columns else []
    return (*MAIN_HEADS, *sides, *(["liquidity"] if depth(grid) is not None else []))


def make_labels(grid: pd.DataFrame, *, centred: bool) -> dict[str, np.ndarray]:
    """Head -> (rows,) class numbers into CLASSES, -1 where unknown."""
    out = {
        "movement": movement(grid, centred=centred),
        "agitation": agitation(grid, centred=centred),
    }
    for head in heads_for(grid)[2:]:
        series = grid["spread_pct"].ffill(limit=DAY) if head == "spread" else depth(grid)
        out[head] = _side(series, centred=centred)
    for labels in out.values():
        labels[:WARM_UP] = -1
    return out
