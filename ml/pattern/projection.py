"""What a centred statistic would be if the coming half day were the most ordinary one.

A hindsight label looks half a day ahead, and half of what it looks at is known already. These
channels finish the other half by itself: a price stays where it is (or follows its hours of the
day), agitation, spread and depth take their usual course at those hours. Row t is computed from
rows <= t and nothing else.
"""

from __future__ import annotations

import numpy as np

from ml.pattern.course import DAY, HALF, NEAR, QUICK, Course, diff
from ml.pattern.labels import LIMITS
from ml.pattern.rolling import rolling_extreme, rolling_mean, spans
from ml.stats import known_mean, known_median

#: Days over which "usual at this hour" is taken: means of moves, medians of sides.
_DAYS_MOVES, _DAYS_SIDES = 14, 10
#: Spans of a side that lie before and after a row in its centred label.
_SIDE = HALF // 2


def same_hour(values: np.ndarray, days: int, rows: int, *, median: bool) -> np.ndarray:
    """(rows,): what the last `days` days had at the hour of each of the last rows, that row the
    last of them. The table of a day of these is the usual value 1, 2, .. DAY rows after its last
    row; seen from `DAY - k` on, that of the last k rows."""
    slots = spans(values, (days - 1) * DAY + 1, rows)[:, ::DAY]
    return known_median(slots) if median else known_mean(slots)


def _usual_hours(
    course: Course, name: str, values: np.ndarray, days: int, rows: int, *, median: bool
) -> np.ndarray:
    """(rows, DAY) of the last rows: usual values of the day after each."""
    usual = course.goes_on(f"{name} hours", lambda new: same_hour(values, days, new, median=median))
    return spans(usual, DAY, rows)


def _capped(values: np.ndarray, most: np.ndarray) -> np.ndarray:
    """No further from 0 than `most`, where that is known."""
    return np.where(np.isnan(values), np.nan, np.fmax(np.fmin(values, most), -most))


def price_projections(course: Course, rows: int) -> dict[str, np.ndarray]:
    """Channels of movement: the centred slope with a flat path ahead, from the cleaned and from
    the raw price, and what the hours of the day would add."""
    path, smooth, usual = course.path, course.smooth, course.scale
    scale = usual[-rows:] / DAY
    x = np.arange(DAY + 1) - HALF
    weight = x / np.sum(x**2)
    known = spans(smooth, HALF + 1, rows) @ weight[: HALF + 1]
    ahead = weight[HALF + 1 :]
    # Three robust sigmas of one row's move at most.
    moves = course.goes_on(
        "capped moves", lambda new: _capped(diff(smooth, 1, new), 0.43 * usual[-new:])
    )
    hours = _usual_hours(course, "moves", moves, _DAYS_MOVES, rows, median=False)
    coming = np.cumsum(hours[:, :HALF], axis=1) @ ahead
    return {
        "slope_flat": 2 * (known + smooth[-rows:] * ahead.sum()) / scale,
        "slope_flat_raw": 2 * (known + path[-rows:] * ahead.sum()) / scale,
        "slope_hours": 2 * coming / scale,
    }


def agitation_projections(course: Course, rows: int) -> dict[str, np.ndarray]:
    """Channels of agitation: the centred ratio with a usual half day ahead, the same at today's
    level, and how near a shock is: certain, or certain if the price stays."""
    smooth, quick = course.smooth, course.quick
    scale, usual = course.scale[-rows:], course.usual[-rows:]
    half = rolling_mean(quick, HALF, least=QUICK, rows=rows)
    most = course.goes_on(
        "capped quick", lambda new: _capped(quick[-new:], 6 * course.usual[-new:])
    )
    hours = _usual_hours(course, "quick", most, _DAYS_MOVES, rows, median=False)
    ahead, behind = hours[:, :HALF].mean(1), hours[:, HALF:].mean(1)
    level = np.sqrt(np.clip(half / np.maximum(behind, 1e-6), 0.2, 5))
    # A quick move that ended up to NEAR - QUICK rows ago lies within NEAR rows of the row.
    near = rolling_extreme(quick, NEAR - QUICK + 1, rows) / scale
    felt = rolling_extreme(quick, NEAR + 1, rows) / scale
    back = spans(smooth, QUICK, rows)[:, :-1]
    stays, raw = (
        np.column_stack([near, np.abs(one[-rows:, None] - back) / scale[:, None]]).max(axis=1)
        for one in (smooth, course.path)
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


def side_projections(course: Course, rows: int) -> dict[str, np.ndarray]:
    """Channels of each side: the centred median with the usual next hours, the same shifted half
    way to today's level, with the last two hours going on, and the usual next hours alone."""
    out = {}
    for head in course.heads():
        series = course.side(head)
        middle, mad = (typical[-rows:] for typical in course.typical(head, series))
        usual = _usual_hours(course, head, series, _DAYS_SIDES, rows, median=True)
        past = spans(series, _SIDE, rows)
        ahead, behind = usual[:, :_SIDE], usual[:, DAY - _SIDE :]
        level = known_median(past - behind)[:, None] / 2
        goes_on = np.repeat(known_median(past[:, -4:])[:, None], _SIDE, axis=1)
        endings = {"hours": ahead, "level": ahead + level, "goes_on": goes_on}
        for name, ending in endings.items():
            out[f"{head}_{name}"] = 1.5 * (known_median(np.hstack([past, ending])) - middle) / mad
        out[f"{head}_ahead"] = 1.5 * (known_median(ahead) - middle) / mad
    return out
