"""The regimes, computed from a price path: centred (hindsight, for training) or trailing (a rule).

Centred labels name what is going on around a moment and look `HALF` rows ahead; they are only ever
used for training and judging. The trailing form is the same definition on the past alone: the
baseline. Scales are trailing in both. Rows: 48 make a day at half-hour steps.
Learn from: Lopez de Prado, Machine Learning for Asset Managers 5.4 (trend scanning), here with a
fixed span.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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
#: Two logarithms of one price differ by no more: the mean of two sides is rounded at every scale in
#: another place.
SAME_PRICE = 1e-11

CLASSES = {
    "movement": ("down", "range", "up"),
    "agitation": ("calm", "volatile", "shock"),
    "spread": ("narrow", "normal", "wide"),
    "liquidity": ("thin", "normal", "deep"),
}
#: The heads that every market has, and by which a recogniser is judged.
MAIN_HEADS = ("movement", "agitation")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where a statistic becomes a name: in units of s24, of the usual agitation, and of the MAD."""

    trend: float = 0.5
    volatile: float = 1.25
    shock: float = 1.5
    side: float = 0.75


LIMITS = Limits()


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


def diff(values: np.ndarray, rows: int) -> np.ndarray:
    """(n,) change since so many rows before; NaN where there was none."""
    out = np.full(len(values), np.nan)
    out[rows:] = values[rows:] - values[:-rows]
    return out


def quick_moves(path: pd.Series) -> pd.Series:
    """Size of the log move over the last 3 h."""
    return path.diff(QUICK).abs()


def usual_agitation(quick: pd.Series) -> pd.Series:
    """28-day median of the day's mean quick move."""
    day = quick.rolling(DAY, min_periods=HALF).mean()
    return day.rolling(MONTH, min_periods=DAY).median().clip(lower=1e-6)


def usual_side(series: pd.Series) -> tuple[pd.Series, pd.Series]:
    """28-day median and median absolute deviation from it."""
    middle = series.rolling(MONTH, min_periods=DAY).median()
    mad = (series - middle).abs().rolling(MONTH, min_periods=DAY).median()
    return middle, mad.clip(lower=1e-6)


def slope(path: pd.Series, rows: int) -> pd.Series:
    """Least-squares slope per row over the last `rows` + 1 rows, NaN where one is missing."""
    x = np.arange(rows + 1) - rows / 2
    weight = x / np.sum(x**2)
    values = path.to_numpy()
    out = np.full(len(values), np.nan)
    if len(values) > rows:
        out[rows:] = np.convolve(values, weight[::-1], mode="valid")
    return pd.Series(out, index=path.index)


def depth(grid: pd.DataFrame) -> pd.Series | None:
    """Log of the smaller side's volume, None where the market publishes none."""
    columns = [c for c in ("bid_volume", "ask_volume") if c in grid.columns]
    if not columns:
        return None
    smaller = grid[columns].ffill(limit=DAY).min(axis=1, skipna=False)
    return np.log(smaller.where(smaller > 0))


def side_series(grid: pd.DataFrame) -> dict[str, pd.Series]:
    """The series behind the side heads that a market's columns allow: head -> series."""
    size = depth(grid)
    sides = {"spread": grid["spread_pct"].ffill(limit=DAY)} if "spread_pct" in grid else {}
    return sides if size is None else {**sides, "liquidity": size}


class Course:
    """What channels, labels and the library share of one grid, each made once: a month's rolling
    median is most of what naming a pattern costs."""

    def __init__(self, grid: pd.DataFrame) -> None:
        self.grid = grid

    @cached_property
    def path(self) -> pd.Series:
        """Log mid."""
        return log_mid(self.grid)

    @cached_property
    def smooth(self) -> pd.Series:
        """The path without single bad quotes."""
        return clean(self.path)

    @cached_property
    def scale(self) -> pd.Series:
        """s24 of the smooth path."""
        return day_scale(self.smooth)

    @cached_property
    def quick(self) -> pd.Series:
        """Quick moves of the smooth path."""
        return quick_moves(self.smooth)

    @cached_property
    def usual(self) -> pd.Series:
        """Its usual agitation."""
        return usual_agitation(self.quick)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Path, smooth path, scale and usual agitation, each (rows,)."""
        path, smooth = self.path.to_numpy(), self.smooth.to_numpy()
        return path, smooth, self.scale.to_numpy(), self.usual.to_numpy()

    @cached_property
    def sides(self) -> dict[str, tuple[pd.Series, pd.Series, pd.Series]]:
        """Head -> the series behind it, its 28-day median and MAD."""
        return {head: (one, *usual_side(one)) for head, one in side_series(self.grid).items()}


def _around(series: pd.Series, rows: int, *, centred: bool) -> pd.Series:
    """A trailing statistic, moved so that its span lies around the row instead of before it."""
    return series.shift(-rows) if centred else series


def make_statistics(
    grid: pd.DataFrame, *, centred: bool, course: Course | None = None
) -> dict[str, pd.Series]:
    """The figures that the names are cut from: "movement" (slope in s24 a day), "agitation" (ratio
    to the usual), "shock" (largest near quick move in s24), and per side its distance in MADs."""
    course = course or Course(grid)
    path, quick, scale = course.smooth, course.quick, course.scale
    day = quick.rolling(DAY, min_periods=HALF).mean()
    # A move over 6 rows that lies within 9 rows of the moment ends up to 9 rows after it.
    near = quick.rolling(2 * NEAR - QUICK + 1 if centred else NEAR + 1).max()
    out = {
        "movement": _around(slope(path, DAY), HALF, centred=centred) * DAY / scale,
        "agitation": _around(day, HALF, centred=centred) / course.usual,
        "shock": _around(near, NEAR, centred=centred) / scale,
    }
    for head, (series, middle, mad) in course.sides.items():
        now = series.rolling(HALF, min_periods=HALF // 2).median()
        out[head] = (_around(now, HALF // 2, centred=centred) - middle) / mad
    return out


def _cut(value: pd.Series, limit: float) -> np.ndarray:
    """0 up to -limit, 1 between, 2 from limit on; -1 where unknown."""
    value_ = value.to_numpy()
    out = np.where(value_ >= limit, 2, np.where(value_ <= -limit, 0, 1))
    return np.where(np.isfinite(value_), out, -1)


def cut_statistics(
    statistics: dict[str, pd.Series], limits: Limits = LIMITS
) -> dict[str, np.ndarray]:
    """Head -> (rows,) class numbers into CLASSES, -1 where unknown or still warming up."""
    ratio, near = statistics["agitation"].to_numpy(), statistics["shock"].to_numpy()
    stirred = np.where(near >= limits.shock, 2, np.where(ratio >= limits.volatile, 1, 0))
    out = {
        "movement": _cut(statistics["movement"], limits.trend),
        "agitation": np.where(np.isfinite(ratio) & np.isfinite(near), stirred, -1),
    }
    for head in statistics.keys() - {"movement", "agitation", "shock"}:
        out[head] = _cut(statistics[head], limits.side)
    for labels in out.values():
        labels[:WARM_UP] = -1
    return {head: out[head] for head in CLASSES if head in out}


def make_labels(
    grid: pd.DataFrame, *, centred: bool, course: Course | None = None
) -> dict[str, np.ndarray]:
    """Head -> (rows,) class numbers into CLASSES, -1 where unknown."""
    return cut_statistics(make_statistics(grid, centred=centred, course=course))
