"""Quotes as arrays for charts: kept between requests, and thinned so that every peak stays.

A market's arrays are kept while nothing at or before its newest quote has changed
(`Counters.rewrites`); quotes that came later are read and appended.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from django.db import connection

from analytics.lazily import np, tsdownsample
from analytics.models import Market, PriceHistory
from analytics.models.market import derive_price
from analytics.selectors.prices import market_counters
from analytics.shelf import Shelf

COLUMNS = ("bid", "ask", "price", "bid_volume", "ask_volume")
#: Points of one line of a chart: four (first, last, lowest, highest) in each of 300 stretches.
POINTS = 1200
#: Quotes of all markets that are kept, at 48 bytes each.
MOST_KEPT = 1_500_000
_CHUNK = 50_000
#: Markets of one query: SQLite takes no expression that is deeper than a thousand.
_AT_ONCE = 400


#: Seconds since 1970 of a moment, as each database says it.
_EPOCH = {
    "sqlite": '(julianday("timestamp") - 2440587.5) * 86400',
    "postgresql": 'CAST(EXTRACT(EPOCH FROM "timestamp") AS double precision)',
}


@dataclass(frozen=True)
class Series:
    """Quotes of one market: `at` (n,) float64 seconds since 1970, ascending; `cells` (n, 5)
    float64 in the order of COLUMNS, NaN where unknown."""

    at: np.ndarray
    cells: np.ndarray

    def column(self, name: str) -> np.ndarray:
        """(n,) of a column of COLUMNS."""
        return self.cells[:, COLUMNS.index(name)]

    def between(self, since: float, until: float) -> Series:
        first, end = np.searchsorted(self.at, [since - 1e-3, until + 1e-3])
        return Series(self.at[first:end], self.cells[first:end])

    def derived(self) -> dict[str, np.ndarray]:
        """The columns, the average price and the spread in percent, each (n,)."""
        found = {name: self.column(name) for name in COLUMNS}
        mid, spread = derive_price(found["bid"], found["ask"], found["price"])
        average = np.where(np.isnan(mid), found["price"], mid)
        return {**found, "average": average, "spread": spread}


@dataclass(frozen=True)
class _Kept:
    rewrites: int
    since: float
    series: Series


_kept = Shelf[_Kept](lambda: MOST_KEPT, lambda one: len(one.series.at))
_lock = Lock()


def quote_series(market: Market, since: dt.datetime) -> Series:
    """All quotes of a market from `since` on. The arrays are shared: nobody may write into them."""
    if connection.in_atomic_block:  # what it writes may be undone, and the counters given again
        return _read(market, since.timestamp())
    rewrites = market_counters(market).rewrites
    first = since.timestamp()
    with _lock:
        kept = _kept.get(market.pk)
    if kept is None or not _holds(kept, rewrites, first):
        series = _read(market, first)
    else:
        series, first = _continued(market, kept.series), kept.since
    _keep(market.pk, _Kept(rewrites, first, series))
    return series.between(since.timestamp(), np.inf)


def quote_series_of(since: Mapping[Market, dt.datetime]) -> dict[int, Series]:
    """The same of many markets in two queries (of 400 markets each), by their ids: what is kept is
    continued, the rest read. The markets' rows must have been read just now: their counters say
    what still holds."""
    whole: dict[int, float] = {}
    later: dict[int, float] = {}
    kept: dict[int, _Kept] = {}
    shared = not connection.in_atomic_block
    for market, moment in since.items():
        with _lock:
            found = _kept.get(market.pk) if shared else None
        first = moment.timestamp()
        if found is None or not _holds(found, market.rewrites, first):
            whole[market.pk] = first
        else:
            kept[market.pk], later[market.pk] = found, float(found.series.at[-1]) + 3e-3
    read = _read_many(whole) if whole else {}
    more = _read_many(later) if later else {}
    answers = {}
    for market, moment in since.items():
        if market.pk in kept:
            before = kept[market.pk]
            entry = _Kept(before.rewrites, before.since, _joined(before.series, more[market.pk]))
        else:
            entry = _Kept(market.rewrites, whole[market.pk], read[market.pk])
        if shared:
            _keep(market.pk, entry)
        answers[market.pk] = entry.series.between(moment.timestamp(), np.inf)
    return answers


def thin(at: np.ndarray, columns: Iterable[np.ndarray], points: int = POINTS) -> np.ndarray:
    """Places of the rows to draw, ascending: per column the M4 choice (first, last, lowest and
    highest of each stretch; Jugel et al. 2014), all rows where there are no more than `points`."""
    if len(at) <= points:
        return np.arange(len(at))
    chosen = [np.array([0, len(at) - 1])]
    for column in columns:
        if np.isfinite(column).any():
            values = np.ascontiguousarray(column, dtype="float64")
            picked = tsdownsample.M4Downsampler().downsample(at, values, n_out=points - points % 4)
            chosen.append(picked.astype("int64"))
    return np.unique(np.concatenate(chosen))


def _continued(market: Market, series: Series) -> Series:
    last = float(series.at[-1])
    return _joined(series, _read(market, last).between(last + 3e-3, np.inf))


def _holds(kept: _Kept, rewrites: int, first: float) -> bool:
    """Whether it can be continued to answer for what came from `first` on."""
    return kept.rewrites == rewrites and kept.since <= first and len(kept.series.at) > 0


def _joined(series: Series, more: Series) -> Series:
    if not len(more.at):
        return series
    return Series(np.concatenate([series.at, more.at]), np.concatenate([series.cells, more.cells]))


def _read(market: Market, since: float) -> Series:
    """All quotes of a market from `since` on, moments to the millisecond."""
    return _read_many({market.pk: since})[market.pk]


def _read_many(since: Mapping[int, float]) -> dict[int, Series]:
    """All quotes from a moment of each market on. The rows go from the cursor straight into arrays:
    the ORM's conversion of every cell is most of what reading a million costs, and its compiler
    most of what reading one does."""
    found: dict[int, Series] = {}
    stretches = list(since.items())
    for start in range(0, len(stretches), _AT_ONCE):
        group = stretches[start : start + _AT_ONCE]
        table = _table_of(group)
        for pk, _first in group:
            own = table[slice(*np.searchsorted(table[:, 0], [pk, pk + 1]))]
            found[pk] = Series(np.round(own[:, 1], 3), np.ascontiguousarray(own[:, 2:]))
    return found


def _table_of(stretches: Sequence[tuple[int, float]]) -> np.ndarray:
    """(n, 7) market, moment and figures of the quotes from a moment of each market on, in order."""
    any_of = " OR ".join(['(market_id = %s AND "timestamp" >= %s)'] * len(stretches))
    sql = (
        f"SELECT market_id, {_EPOCH[connection.vendor]}, {', '.join(COLUMNS)} "  # noqa: S608
        f'FROM {PriceHistory._meta.db_table} WHERE {any_of} ORDER BY market_id, "timestamp"'
    )
    params: list[Any] = []
    for pk, first in stretches:
        begin = dt.datetime.fromtimestamp(first, dt.UTC)
        params += [pk, connection.ops.adapt_datetimefield_value(begin)]
    parts = [np.empty((0, 2 + len(COLUMNS)))]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(_CHUNK):
            parts.append(np.array(rows, dtype="float64"))
    return np.concatenate(parts)


def _keep(pk: int, kept: _Kept) -> None:
    with _lock:
        _kept.put(pk, kept)
