"""How much more than usual a market moves by now. Intervals made of a month of moves are those of a
calm month; where the last days were wilder they are widened, and never narrowed."""

from __future__ import annotations

import numpy as np

from ml.forecast.series import SLOW_DAYS, Series, trailing_means_at

#: A last day moved by this many times its month is taken for one that moved by so much.
MOST = 5.0
#: From here on an answer says that its intervals are wider.
WORTH_SAYING = 1.5
#: Power of it by which the intervals of a price's network are wider: its scales and its pool have
#: learnt of most of it, days late.
OF_NETWORK = 0.1
#: Rows that the moves come from at least: the last ones, and where 28 days are fewer.
_LEAST_LAST, LEAST_MONTH = 24, 300
_STORM_DAYS = 3
_LEAST_KNOWN = 100


def unrest(series: Series, rows: np.ndarray) -> np.ndarray:
    """(m,) mean move from row to row over the day up to each of `rows` (m,), as a multiple of that
    over the 28 days up to it; from 1, also where too little is known, to MOST. A whole day, so that
    no hour of it is taken for a break; where the three days up to it were wilder than the day, the
    geometric mean of both, so that one calm day ends no storm.

    A random walk that is quoted every k-th row moves by the root of k then, and by a root of k less
    in the mean of all rows: where quotes have become rarer than in the month, that is made up for.
    """
    month = max(SLOW_DAYS * series.per_day, LEAST_MONTH)
    if int(rows.max()) + 1 < month // 4:  # no month is known, so nothing is compared with it
        return np.ones(len(rows))
    last = max(series.per_day, _LEAST_LAST)
    start, stop = max(0, int(rows.min()) - month), int(rows.max()) + 1
    at, spans = rows - start, [month, last, _STORM_DAYS * last]
    size = series.size[start:stop].copy()
    size[:1] = np.nan  # a move from before the month
    fresh = series.ages[start:stop].min(axis=1) < series.step_minutes
    usual, *sizes = trailing_means_at(size, at, spans)
    often, *shares = trailing_means_at(fresh.astype("float64"), at, spans)
    some = (np.isfinite(size).cumsum()[at] >= _LEAST_KNOWN) & (usual > 0)
    day, storm = (
        _ratio(moved, usual, some) * np.sqrt(np.maximum(_ratio(often, share, share > 0), 1.0))
        for moved, share in zip(sizes, shares, strict=True)
    )
    found: np.ndarray = np.clip(np.maximum(day, np.sqrt(day * storm)), 1.0, MOST)
    return found


def _ratio(over: np.ndarray, under: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(m,) the quotient; 1 elsewhere and where it is not known."""
    found = np.divide(over, under, out=np.ones(len(over)), where=where)
    return np.where(np.isnan(found), 1.0, found)
