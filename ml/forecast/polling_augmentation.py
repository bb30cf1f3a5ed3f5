"""Augmentation: the same market, asked as often as it is asked lately.

How often quotes come changes for good (a collector is set to another pace), and with it what a
grid row means. A copy of the history, thinned to the gaps of its last days, teaches that pace.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

RECENT_DAYS = 8
_LEAST_GAPS = 50
_BLOCK = 24  # gaps drawn in a row, so that their rhythm stays


def repolled(quotes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame | None:
    """`quotes` as they would have been seen at the pace of their last 8 days: at every drawn moment
    the row seen last, no older than the draw before, under its age then. None where there are too
    few gaps to draw from."""
    stamps = quotes.index.as_unit("ns").asi8
    recent = stamps[stamps >= stamps[-1] - RECENT_DAYS * 86_400_000_000_000]
    gaps = np.diff(recent)
    if len(gaps) < _LEAST_GAPS:
        return None
    wanted = int(1.2 * (stamps[-1] - stamps[0]) / gaps.mean()) + 10 * _BLOCK
    starts = rng.integers(0, len(gaps) - _BLOCK + 1, -(-wanted // _BLOCK))
    drawn = gaps[(starts[:, None] + np.arange(_BLOCK)).reshape(-1)]
    moments = stamps[0] + np.cumsum(drawn)
    moments = moments[moments <= stamps[-1]]
    place = np.searchsorted(stamps, moments, side="right") - 1
    first = np.flatnonzero(np.diff(place, prepend=-1) > 0)  # a row is seen once
    table = quotes.iloc[place[first]]
    return table.set_axis(pd.DatetimeIndex(moments[first], tz="UTC"))
