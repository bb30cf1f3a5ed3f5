"""Several markets at once: what is asked of one in a statement each is read in two or three for all
of them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import connection

from analytics.models import Market, PriceHistory
from analytics.models.direct import moment
from analytics.selectors.glimpse import Glimpse
from analytics.selectors.models import models_answering, models_newest

_PAIR = "UPPER(asset) || '/' || UPPER(fiat)"
_LAST = (
    f'(SELECT "timestamp" FROM {PriceHistory._meta.db_table} '  # noqa: S608
    f'WHERE market_id = {Market._meta.db_table}.id%s ORDER BY "timestamp" DESC LIMIT 1)'
)


@dataclass(frozen=True)
class Standing:
    """A market, and where it stood when all were looked at."""

    market: Market
    glimpse: Glimpse


def markets_standing(
    refs: Collection[str], *, task: str, at: dt.datetime | None = None
) -> dict[str, Standing]:
    """The markets of these ids and symbols, by them, for who asks their versions of `task`, `at` a
    moment or now. One that means no market, or more than one, is not among them: `market_get` says
    why."""
    meant = {ref: key for ref in refs if (key := _key(ref)) is not None}
    known: dict[Any, list[Any]] = defaultdict(list)
    for market in _rows(meant.values(), at):
        for key in _keys(market):
            known[key].append(market)
    found = {ref: known[key][0] for ref, key in meant.items() if len(known[key]) == 1}
    answering = models_answering([market.pk for market in found.values()])
    newest = models_newest([pk for pk, tasks in answering.items() if task not in tasks], task)
    standing = {}
    for ref, market in found.items():
        glimpse = Glimpse(
            market.pk,
            (market.revision, market.rewrites),
            _known(market.newest),
            answering[market.pk],
            {} if at is None else {at: _known(market.earlier)},
            {task: newest[market.pk]} if market.pk in newest else {},
        )
        standing[ref] = Standing(market, glimpse)
    return standing


def _key(ref: str) -> int | tuple[str, str, str | None] | None:
    """What the reference looks for: an id, or (asset, fiat, exchange or None) in capitals."""
    ref = ref.strip()
    if not ref.isascii():
        return None
    if ref.isdigit():
        return int(ref) if len(ref) < 19 else None
    return Market.parse_symbol(ref.upper())


def _keys(market: Market) -> tuple[int | tuple[str, str, str | None], ...]:
    """All that it is found by."""
    asset, fiat, exchange = market.asset.upper(), market.fiat.upper(), market.exchange.upper()
    return market.pk, (asset, fiat, exchange), (asset, fiat, None)


def _rows(keys: Collection[Any], at: dt.datetime | None) -> list[Any]:
    """The markets of these ids or pairs, with the moments of their quotes as the database gives
    them (`newest`, `earlier`). The counters are read with them, so they are of these quotes."""
    ids = [key for key in keys if isinstance(key, int)]
    pairs = list({f"{key[0]}/{key[1]}" for key in keys if not isinstance(key, int)})
    sought = [
        f"{column} IN ({', '.join(['%s'] * len(values))})"
        for column, values in (("id", ids), (_PAIR, pairs))
        if values
    ]
    if not sought:
        return []
    moments, params = f"{_LAST % ''} AS newest", [*ids, *pairs]
    if at is not None:
        earlier = _LAST % ' AND "timestamp" <= %s'
        moments = f"{moments}, {earlier} AS earlier"
        params = [connection.ops.adapt_datetimefield_value(at), *params]
    table = Market._meta.db_table
    sql = f"SELECT {table}.*, {moments} FROM {table} WHERE {' OR '.join(sought)}"  # noqa: S608
    return list(Market.objects.raw(sql, params))


def _known(value: Any) -> dt.datetime | None:
    return None if value is None else moment(value)
