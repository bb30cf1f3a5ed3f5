"""What a centred statistic would be if the coming half day were the most ordinary one.

A hindsight label looks half a day ahead, and half of what it looks at is known already. These
channels finish the other half by itself: a price stays where it is (or follows its hours of the
day), agitation, spread and depth take their usual course at those hours. Row t is computed from
rows <= t and nothing else.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from ml.pattern.labels import (
    DAY,
    HALF,
    LIMITS,
    NEAR,
    QUICK,
    Course,
)
from ml.stats import known_mean, known_median

#: Days over which "usual at this hour" is taken: means of moves, medians of sides.
_DAYS_MOVES, _DAYS_SIDES = 14, 10
#: Spans of a side that lie before and after a row in its centred label.
_SIDE = HALF // 2


def _back(values: np.ndarray, rows: int) -> np.ndarray:
    """(n, rows): each row's last `rows` values, itself the last; NaN before the start."""
    padded = np.concatenate([np.full(rows - 1, np.nan), values])
    return sliding_window_view(padded, rows)


def same_hour(series: pd.Series, days: int, *, median: bool) -> np.ndarray:
    """(n, DAY): the usual value 1, 2, .. DAY rows after each row, as the last `days` days had it at
    those hours; seen from `DAY - k` on, the same table is the usual value of the last k rows."""
    values = series.to_numpy()
    padded = np.concatenate([np.full((days - 1) * DAY, np.nan), values])
    slots = sliding_window_view(padded, (days - 1) * DAY + 1)[:, ::DAY]
    return _back(known_median(slots) if median else known_mean(slots), DAY)


def price_projections(course: Course) -> dict[str, np.ndarray]:
    """Channels of movement: the centred slope with a flat path ahead, from the cleaned and from
    the raw price, and what the hours of the day would add."""
    path, smooth = course.path, course.smooth
    scale = course.scale.to_numpy() / DAY
    x = np.arange(DAY + 1) - HALF
    weight = x / np.sum(x**2)
    known = _back(smooth.to_numpy(), HALF + 1) @ weight[: HALF + 1]
    ahead = weight[HALF + 1 :]
    most = 0.43 * scale * DAY  # three robust sigmas of one row's move
    usual = same_hour(smooth.diff().clip(-most, most), _DAYS_MOVES, median=False)
    coming = np.cumsum(usual[:, :HALF], axis=1) @ ahead
    return {
        "slope_flat": 2 * (known + smooth.to_numpy() * ahead.sum()) / scale,
        "slope_flat_raw": 2 * (known + path.to_numpy() * ahead.sum()) / scale,
        "slope_hours": 2 * coming / scale,
    }


def agitation_projections(course: Course) -> dict[str, np.ndarray]:
    """Channels of agitation: the centred ratio with a usual half day ahead, the same at today's
    level, and how near a shock is: certain, or certain if the price stays."""
    path, smooth, scale, usual = course.arrays()
    half = course.quick.rolling(HALF, min_periods=QUICK).mean().to_numpy()
    most = course.quick.clip(upper=6 * course.usual)
    hours = same_hour(most, _DAYS_MOVES, median=False)
    ahead, behind = hours[:, :HALF].mean(1), hours[:, HALF:].mean(1)
    level = np.sqrt(np.clip(half / np.maximum(behind, 1e-6), 0.2, 5))
    # A quick move that ended up to NEAR - QUICK rows ago lies within NEAR rows of the row.
    near = course.quick.rolling(NEAR - QUICK + 1).max().to_numpy() / scale
    felt = course.quick.rolling(NEAR + 1).max().to_numpy() / scale
    back = _back(smooth, QUICK)[:, :-1]
    stays, raw = (
        np.column_stack([near, np.abs(one[:, None] - back) / scale[:, None]]).max(axis=1)
        for one in (smooth, path)
    )
    return {
        "agitation_next": 2 * ((half + ahead) / 2 / usual - 1),
        "agitation_next_level": 2 * ((half + ahead * level) / 2 / usual - 1),
        "agitation_half": half / usual - 1,
        "quiet_scale": 3 * np.log(usual / scale) + 6,
        "shock_sure": 1.2 * np.tanh(25 * (near - LIMITS.shock)),
        "shock_behind": 3 * (felt - 1),
        "shock_near": 3 * (near - 1),
        "shock_stays": 3 * (stays - 1),
        "shock_stays_raw": 3 * (raw - 1),
    }


def side_projections(course: Course) -> dict[str, np.ndarray]:
    """Channels of each side: the centred median with the usual next hours, the same shifted half
    way to today's level, with the last two hours going on, and the usual next hours alone."""
    out = {}
    for head, (series, *typical) in course.sides.items():
        middle, mad = (s.to_numpy() for s in typical)
        usual = same_hour(series, _DAYS_SIDES, median=True)
        past = _back(series.to_numpy(), _SIDE)
        ahead, behind = usual[:, :_SIDE], usual[:, DAY - _SIDE :]
        level = known_median(past - behind)[:, None] / 2
        goes_on = np.repeat(known_median(past[:, -4:])[:, None], _SIDE, axis=1)
        endings = {"hours": ahead, "level": ahead + level, "goes_on": goes_on}
        for name, ending in endings.items():
            out[f"{head}_{name}"] = 1.5 * (known_median(np.hstack([past, ending])) - middle) / mad
        out[f"{head}_ahead"] = 1.5 * (known_median(ahead) - middle) / mad
    return out
