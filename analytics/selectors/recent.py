"""The last weeks of a market's prices as a frame, kept between requests.

A frame costs tens of milliseconds to read, and changes with the next quote at the earliest. It is
kept under the market's revision: an import that corrects an old quote, in whatever process, is seen
at once.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import pandas as pd
from django.db import connection

import ml
from analytics.models import Market
from analytics.selectors.prices import market_counters, price_frame

MOST_FRAMES = 32


def recent_prices(market: Market, *, since: dt.datetime, until: dt.datetime) -> pd.DataFrame:
    """As `price_frame`, with the prices alone. The frame is shared: nobody may write into it."""
    revision = market_counters(market).revision
    if connection.in_atomic_block:  # what it writes may be undone, and the revision given again
        return frame_at.__wrapped__(revision, market, since, until)
    return frame_at(revision, market, since, until)


@lru_cache(maxsize=MOST_FRAMES)
def frame_at(revision: int, market: Market, since: dt.datetime, until: dt.datetime) -> pd.DataFrame:
    """The frame of a market at a revision, which only tells it from earlier ones."""
    return price_frame(market, since=since, until=until, columns=ml.PRICE_COLUMNS)
