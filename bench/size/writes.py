# ruff: noqa: S608  (the SQL is all our own)
"""What is written to the quotes: the next one, thousands at once, old ones, and a month less."""

from __future__ import annotations

import datetime as dt
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.common import database_seconds
from bench.size.statements import run
from bench.size.tables import ALONE, MANY, TABLE, VARIANTS, Plan, Variant, months, partition

#: Milliseconds of the clock, and of them the processor's of the connection's process.
Spent = tuple[float, float]


def written(variant: Variant, plan: Plan, markets: list[Any]) -> dict[str, Spent]:
    """What each writing takes. What is deleted is there again afterwards, and what came after the
    plan's end is not."""
    turn, middle = VARIANTS.index(variant) + 1, plan.ticks // 2
    found = {
        "the next quote, alone": _alone(plan, markets, plan.ticks),
        "10,000 new ones": _stored(plan, plan.ticks + ALONE // len(markets) + 1),
        "10,000 old ones corrected": _stored(plan, middle, bid=float(turn)),
        "10,000 late ones": _stored(plan, middle, seconds=0.1 * turn),
        "a market without a month": _market_month(plan, markets[0]),
        "all markets without a month": _month(variant, plan),
    }
    run(
        f'DELETE FROM {TABLE} WHERE market_id = ANY(%(markets)s) AND "timestamp" > %(end)s',
        markets=list(plan.markets),
        end=plan.end,
    )
    return found


def _alone(plan: Plan, markets: list[Any], tick: int) -> Spent:
    """Of one quote, each in a transaction of its own, the markets in turn."""
    from analytics.models import PriceHistory

    taken = []
    for number in range(ALONE):
        at = plan.moment(tick + number // len(markets), number % len(markets))
        market = markets[number % len(markets)]
        quote = PriceHistory(market_id=market.pk, timestamp=at, bid=9.0, ask=9.1)
        taken.append(_spent(quote.save))
    return statistics.median(t[0] for t in taken), sum(t[1] for t in taken) / ALONE


def _stored(plan: Plan, tick: int, *, seconds: float = 0, bid: float = 9.0) -> Spent:
    """Of quotes of all markets, from that tick on, by the product's own way of storing many."""
    import pandas as pd

    from analytics.services.prices.storing import FIGURES, rows_store

    count = len(plan.markets)
    places = [divmod(number, count) for number in range(min(MANY, count * (plan.ticks // 2 or 1)))]
    later = dt.timedelta(seconds=seconds)
    figures = {**dict.fromkeys(FIGURES, float("nan")), "bid": bid, "ask": 9.1}
    chunk = pd.DataFrame(
        {
            "market_id": [plan.markets[m] for _tick, m in places],
            "timestamp": pd.to_datetime(
                [plan.moment(tick + more, m) + later for more, m in places], utc=True
            ),
            **figures,
        }
    )
    return _spent(lambda: rows_store(chunk))


def _market_month(plan: Plan, market: Any) -> Spent:
    """By the product's own way of deleting."""
    from analytics.services.prices.deleting import prices_delete

    start, end = _month_of(plan)
    return _undone(lambda: prices_delete(market=market, start=start, end=end, confirm=True))


def _month(variant: Variant, plan: Plan) -> Spent:
    first, after = _month_of(plan)
    if variant.monthly:
        return _undone(lambda: run(f"DROP TABLE {partition(f'{first:%Y-%m-%d}')}"))
    moments = f"\"timestamp\" >= '{first:%Y-%m-%d}' AND \"timestamp\" < '{after:%Y-%m-%d}'"
    return _undone(lambda: run(f"DELETE FROM {TABLE} WHERE {moments}"))


def _month_of(plan: Plan) -> tuple[dt.datetime, dt.datetime]:
    """The first one that is filled from its beginning on."""
    first, after = [*months(plan.start, plan.end)][1]
    begin, end = (dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC) for day in (first, after))
    return begin, end


def _undone(work: Callable[[], Any]) -> Spent:
    from django.db import transaction

    with transaction.atomic():
        found = _spent(work)
        transaction.set_rollback(True)
    return found


def _spent(work: Callable[[], Any]) -> Spent:
    busy, began = database_seconds(), time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    return 1e3 * seconds, 1e3 * (database_seconds() - busy)
