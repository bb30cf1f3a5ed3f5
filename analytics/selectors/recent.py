"""The last weeks of a market's prices as a frame, kept between requests.

A frame costs some 50 ms to read, and changes with the next quote at the earliest. Whether it still
holds is asked of the database every time, by a sum over the very rows: an import that corrects an
old quote, in whatever process, is seen at once.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd
from django.db.models import Count, F, FloatField, QuerySet, Sum
from django.db.models.functions import Cast

from analytics.models import Market, PriceHistory

PRICES = ("bid", "ask", "price")
MOST_FRAMES = 32
_PRIME = 1009  # rows weigh differently, so that figures that changed places are noticed

_kept: OrderedDict[tuple[Any, ...], tuple[dict[str, Any], pd.DataFrame]] = OrderedDict()
_lock = threading.Lock()


def recent_prices(market: Market, *, since: dt.datetime, until: dt.datetime) -> pd.DataFrame:
    """As `price_frame`, with the prices alone. The frame is shared: nobody may write into it."""
    rows = PriceHistory.objects.filter(
        market=market, timestamp__gte=since, timestamp__lte=until
    ).order_by()
    key = (market.pk, since, until)
    # Asked before the rows are read: what is written in between is noticed the next time.
    now = _fingerprint(rows)
    with _lock:
        known, frame = _kept.get(key, (None, None))
    if frame is None or known != now:
        frame = _read(rows)
    with _lock:
        _kept[key] = (now, frame)
        _kept.move_to_end(key)
        while len(_kept) > MOST_FRAMES:
            _kept.popitem(last=False)
    return frame


def _fingerprint(rows: QuerySet[PriceHistory]) -> dict[str, Any]:
    """Number of rows, and per price their number and a weighted sum."""
    weight = F("pk") % _PRIME + 1
    sums = {f"{name}_sum": Sum(Cast(name, FloatField()) * weight) for name in PRICES}
    counts = {f"{name}_count": Count(name) for name in PRICES}
    return rows.aggregate(rows=Count("pk"), **sums, **counts)


def _read(rows: QuerySet[PriceHistory]) -> pd.DataFrame:
    # As floats from the database: a Decimal per cell is most of what reading costs.
    figures = [Cast(name, FloatField()) for name in PRICES]
    found = list(rows.order_by("timestamp").values_list("timestamp", *figures))
    columns = list(zip(*found, strict=True)) or [()] * (1 + len(PRICES))
    index = pd.DatetimeIndex(pd.to_datetime(list(columns[0]), utc=True), name="timestamp")
    values = np.array(columns[1:], dtype="float64").reshape(len(PRICES), -1)
    frame = pd.DataFrame(dict(zip(PRICES, values, strict=True)), index=index.as_unit("ns"))
    return frame.dropna(axis="columns", how="all")
