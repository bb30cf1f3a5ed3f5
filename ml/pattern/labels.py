"""The regimes, computed from a price path: centred (hindsight, for training) or trailing (a rule).

Centred labels name what is going on around a moment and look `HALF` rows ahead; they are only ever
used for training and judging. The trailing form is the same definition on the past alone: the
baseline. Scales are trailing in both. Rows: 48 make a day at half-hour steps.
Learn from: Lopez de Prado, Machine Learning for Asset Managers 5.4 (trend scanning), here with a
fixed span.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.pattern.course import DAY, HALF, NEAR, QUICK, WARM_UP, Course, slope
from ml.pattern.rolling import rolling_extreme, rolling_median

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


def _around(trailing: np.ndarray, rows: int, *, centred: bool) -> np.ndarray:
    """A trailing statistic, moved so that its span lies around the row instead of before it."""
    if not centred:
        return trailing
    return np.concatenate([trailing[rows:], np.full(min(rows, len(trailing)), np.nan)])


def make_statistics(
    grid: pd.DataFrame, *, centred: bool, course: Course | None = None
) -> dict[str, np.ndarray]:
    """The figures (rows,) that the names are cut from: "movement" (slope in s24 a day), "agitation"
    (ratio to the usual), "shock" (largest near quick move in s24), and per side its distance in
    MADs."""
    course = course or Course(grid)
    n, scale = len(grid), course.scale
    # A move over 6 rows that lies within 9 rows of the moment ends up to 9 rows after it.
    near = rolling_extreme(course.quick, 2 * NEAR - QUICK + 1 if centred else NEAR + 1, n)
    out = {
        "movement": _around(slope(course.smooth, DAY, n), HALF, centred=centred) * DAY / scale,
        "agitation": _around(course.stir, HALF, centred=centred) / course.usual,
        "shock": _around(near, NEAR, centred=centred) / scale,
    }
    for head in course.heads():
        series = course.side(head)
        middle, mad = course.typical(head, series)
        now = rolling_median(series, HALF, least=HALF // 2, rows=n)
        out[head] = (_around(now, HALF // 2, centred=centred) - middle) / mad
    return out


def _cut(value: np.ndarray, limit: float) -> np.ndarray:
    """0 up to -limit, 1 between, 2 from limit on; -1 where unknown."""
    out = np.where(value >= limit, 2, np.where(value <= -limit, 0, 1))
    return np.where(np.isfinite(value), out, -1)


def cut_statistics(
    statistics: dict[str, np.ndarray], limits: Limits = LIMITS, *, warm_up: int = WARM_UP
) -> dict[str, np.ndarray]:
    """Head -> (rows,) class numbers into CLASSES, -1 where unknown or among the first `warm_up`."""
    ratio, near = statistics["agitation"], statistics["shock"]
    stirred = np.where(near >= limits.shock, 2, np.where(ratio >= limits.volatile, 1, 0))
    out = {
        "movement": _cut(statistics["movement"], limits.trend),
        "agitation": np.where(np.isfinite(ratio) & np.isfinite(near), stirred, -1),
    }
    for head in statistics.keys() - {"movement", "agitation", "shock"}:
        out[head] = _cut(statistics[head], limits.side)
    for labels in out.values():
        labels[: max(0, warm_up)] = -1
    return {head: out[head] for head in CLASSES if head in out}


def trailing_regimes(course: Course, rows: np.ndarray) -> np.ndarray:
    """(len(rows),) what the trailing rule names those rows: the number of its movement times the
    classes of agitation, plus that of its agitation. No other row before them is named."""
    if not len(rows):
        return np.empty(0, dtype=int)
    n = len(course.seconds) - int(rows.min())
    scale = course.scale[-n:]
    found = cut_statistics(
        {
            "movement": slope(course.smooth, DAY, n) * DAY / scale,
            "agitation": course.stir[-n:] / course.usual[-n:],
            "shock": rolling_extreme(course.quick, NEAR + 1, n) / scale,
        },
        warm_up=WARM_UP - int(rows.min()),
    )
    named = found["movement"] * len(CLASSES["agitation"]) + found["agitation"]
    return named[rows - int(rows.min())]


def make_labels(
    grid: pd.DataFrame, *, centred: bool, course: Course | None = None
) -> dict[str, np.ndarray]:
    """Head -> (rows,) class numbers into CLASSES, -1 where unknown."""
    return cut_statistics(make_statistics(grid, centred=centred, course=course))
