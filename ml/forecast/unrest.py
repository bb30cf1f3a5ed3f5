"""How much more than usual a market moves by now. Intervals made of a month of moves are those of a
calm month; where the last day was wilder they are widened, and never narrowed."""

from __future__ import annotations

import numpy as np

from ml.forecast.series import SLOW_DAYS, Series, trailing_means

#: A last day moved by this many times its month is taken for one that moved by so much.
MOST = 3.0
#: From here on an answer says that its intervals are wider.
WORTH_SAYING = 1.5
#: Power of it by which the intervals of a price's network are wider: its scales and its pool have
#: learnt of most of it, days late.
OF_NETWORK = 0.1
#: Rows that the moves come from at least: the last ones, and where 28 days are fewer.
_LEAST_LAST, LEAST_MONTH = 24, 300
_LEAST_KNOWN = 100


def unrest(series: Series, rows: np.ndarray) -> np.ndarray:
    """(m,) mean move from row to row over the day up to each of `rows` (m,), as a multiple of that
    over the 28 days up to it; from 1, also where too little is known, to MOST. A whole day, so that
    no hour of it is taken for a break."""
    month = max(SLOW_DAYS * series.per_day, LEAST_MONTH)
    last = max(series.per_day, _LEAST_LAST)
    start = max(0, int(rows.min()) - month)
    size = np.abs(np.diff(series.y[start : int(rows.max()) + 1], prepend=np.nan))
    day, usual = trailing_means(size, [last, month])
    known = np.isfinite(size).cumsum() >= _LEAST_KNOWN
    some = known & (usual > 0)
    ratio = np.divide(day, usual, out=np.ones(len(size)), where=some)
    found: np.ndarray = np.clip(np.nan_to_num(ratio, nan=1.0), 1.0, MOST)[rows - start]
    return found
