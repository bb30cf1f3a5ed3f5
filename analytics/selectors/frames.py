"""A market's quotes, out of the database: in chunks, as arrays, as the frame that `ml` takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection

import ml
from analytics.lazily import np, pd
from analytics.models import Market, PriceHistory

#: Up to so many moments are counted one by one.
FEW = 500
#: Grid steps that are read at once to be thinned.
_STRETCH = 1000
_MICROSECOND = dt.timedelta(microseconds=1)


def price_chunks(
    market: Market,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    rows: int = 5000,
) -> Iterator[list[tuple[Any, ...]]]:
    """A market's quotes, oldest first, as (timestamp, *figures in the order of ml.QUOTE_COLUMNS).
    Each chunk of at most so many `rows` is one step along the index, and nothing is held between
    two of them: neither memory nor a transaction."""
    quotes = PriceHistory.objects.filter(market=market).order_by("timestamp")
    if until is not None:
        quotes = quotes.filter(timestamp__lte=until)
    left = quotes if since is None else quotes.filter(timestamp__gte=since)
    while chunk := list(left.values_list("timestamp", *ml.QUOTE_COLUMNS)[:rows]):
        yield chunk
        left = quotes.filter(timestamp__gt=chunk[-1][0])


def price_frame(
    market: Market,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    last: int | None = None,
    columns: Sequence[str] = ml.QUOTE_COLUMNS,
) -> pd.DataFrame:
    """A market's quotes as the frame that `ml` takes (see ml.spec): those of the `columns` that
    have any value. `last` keeps only so many of the newest rows."""
    quotes = PriceHistory.objects.filter(market=market)
    if since is not None:
        quotes = quotes.filter(timestamp__gte=since)
    if until is not None:
        quotes = quotes.filter(timestamp__lte=until)
    fields = ("timestamp", *columns)
    if last is None:
        found = quotes.order_by("timestamp").values_list(*fields)
    else:
        found = quotes.order_by("-timestamp").values_list(*fields)[:last]
    times, figures = quote_arrays(*found.query.sql_with_params(), len(columns))
    if last is not None:
        times, figures = times[::-1], figures[::-1]
    return frame_of(times, figures, columns)


def thinned_frame(
    market: Market,
    *,
    since: dt.datetime,
    until: dt.datetime,
    step_minutes: int,
    columns: Sequence[str] = ml.QUOTE_COLUMNS,
) -> pd.DataFrame:
    """`price_frame` without the rows that no grid of that step shows: of each step it has for every
    column the last known value. Read a stretch after the other, so that however often a market is
    quoted no more is held than a stretch and what is kept."""
    step = dt.timedelta(minutes=step_minutes)
    begin = pd.Timestamp(since).floor(step).to_pydatetime()
    parts = []
    while begin < until:
        end = min(begin + _STRETCH * step, until)
        frame = price_frame(market, since=begin + _MICROSECOND, until=end, columns=columns)
        parts.append(frame[_shown(frame, step)])
        begin = end
    whole = pd.concat([part for part in parts if len(part)] or parts[:1])
    return whole[[column for column in columns if column in whole]]


def _shown(frame: pd.DataFrame, step: dt.timedelta) -> np.ndarray:
    """(rows,) True for the last known value of any column in its step, which a row of the grid
    ends."""
    steps = frame.index.ceil(step)
    shown = np.zeros(len(frame), dtype=bool)
    for column in frame:
        known = np.flatnonzero(frame[column].notna())
        shown[known[~steps[known].duplicated(keep="last")]] = True
    return shown


def quote_arrays(sql: str, params: Sequence[Any], width: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) nanoseconds since 1970 and (n, width) figures, NaN where unknown, of a query for moments
    and so many columns. The rows go from the cursor straight into arrays: the ORM's conversion of
    every cell is most of what reading them costs."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    figures = np.array([row[1:] for row in rows], dtype="float64").reshape(-1, width)
    return nanoseconds([row[0] for row in rows]), figures


def nanoseconds(moments: list[Any]) -> np.ndarray:
    """(n,) nanoseconds since 1970 of moments as a cursor gives them: text or, as UTC, without a
    zone out of SQLite."""
    if moments and isinstance(moments[0], str):
        return np.array(moments, dtype="datetime64[ns]").astype("int64")
    if len(moments) <= FEW:  # pandas takes longer to begin
        zone = moments[0].tzinfo and dt.UTC if moments else None
        begin = dt.datetime(1970, 1, 1, tzinfo=zone)
        return np.array([(at - begin) // _MICROSECOND * 1000 for at in moments], dtype="int64")
    return pd.DatetimeIndex(pd.to_datetime(moments, utc=True)).as_unit("ns").asi8


def frame_of(times: np.ndarray, figures: np.ndarray, columns: Sequence[str]) -> pd.DataFrame:
    """The frame of such arrays, without columns that have no value."""
    names = list(columns)
    known = ~np.isnan(figures).all(axis=0)
    if not known.all():
        names = [name for name, some in zip(names, known, strict=True) if some]
        figures = figures[:, known]
    index = pd.DatetimeIndex(times, tz="UTC", name="timestamp")
    return pd.DataFrame(figures, columns=_named(tuple(names)), index=index)


@lru_cache(maxsize=64)
def _named(columns: tuple[str, ...]) -> pd.Index:
    """What a frame's columns are called; an index does not change."""
    return pd.Index(columns)
