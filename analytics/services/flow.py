"""Every new quote flows on: scored, forecast, named, due forecasts scored, rules judged.

One task goes over all markets that have quotes newer than their mark (`QuoteFlow`), and moves a
market's mark when all of it is done: a process that dies leaves the mark, and the market is done
again. Each step may be repeated without doubling anything.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from django.utils import timezone

from analytics import events, queue
from analytics.exceptions import AnalyticsError
from analytics.models import AlertRule, AnomalyWatch, Market, QuoteFlow, TrainedModel
from analytics.models.choices import Task
from analytics.selectors.prices import market_freshness, market_list
from analytics.services.alerting.evaluating import Ready, evaluate, rules_ready
from analytics.services.alerting.gathering import NEWS
from analytics.services.anomalies.scan import anomaly_scan
from analytics.services.anomalies.watch import anomaly_watch
from analytics.services.forecasts.accuracy import forecasts_score
from analytics.services.forecasts.prediction import forecast_make
from analytics.services.patterns import pattern_recognize

logger = logging.getLogger(__name__)
FLOW_TASK = "analytics.tasks.follow_quotes"
#: On this day lie the marks of markets that have a new version: their last quotes are answered
#: again, however old.
AGAIN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

#: A market, the moment of its newest quote, and its mark.
_Waiting = tuple[Market, dt.datetime, dt.datetime | None]


@events.subscribe(events.QuotesStored)
def quotes_flow_on(stored: events.QuotesStored) -> None:
    """Call the worker where there is something to be done with the quotes, once for many."""
    known = TrainedModel.objects.filter(market__in=stored.market_ids)
    if not (known.exists() or AlertRule.objects.filter(enabled=True).exists()):
        return
    if not any(path == FLOW_TASK for _key, path, _ids in queue.messages()):
        queue.enqueue(FLOW_TASK)


@events.subscribe(events.ModelPublished, events.ModelPromoted, durable=True)
def version_speaks(fact: events.ModelPublished | events.ModelPromoted) -> None:
    """The next round has the new version answer: the market's next quote may be long in coming."""
    # Each time another mark: one that comes while the market is followed is not taken for done.
    mark = AGAIN + dt.timedelta(microseconds=time.time_ns() // 1000 % 86_400_000_000)
    QuoteFlow.objects.update_or_create(market_id=fact.market_id, defaults={"until": mark})


def quotes_follow(
    *, market_ids: Collection[int] | None = None, now: dt.datetime | None = None
) -> list[str]:
    """Follow the quotes that are newer than their market's mark; the symbols of those markets."""
    now = now or timezone.now()
    waiting = _waiting(market_ids)
    if not waiting:
        return []
    rules = rules_ready()
    tasks = _tasks([market for market, _last, _mark in waiting])
    for market, last, mark in waiting:
        _follow(market, last, mark, tasks.get(market.pk, set()), rules, now)
    return [market.symbol for market, _last, _mark in waiting]


def _waiting(
    market_ids: Collection[int] | None,
) -> list[_Waiting]:
    """Markets with quotes newer than their mark, each with the moment of the newest, and that
    mark."""
    markets = market_list().order_by("pk")
    if market_ids is not None:
        markets = markets.filter(pk__in=market_ids)
    done = dict(QuoteFlow.objects.values_list("market", "until"))
    found = [(market, market_freshness(market)["last_quote_at"]) for market in markets]
    return [
        (market, last, done.get(market.pk))
        for market, last in found
        if last is not None and (market.pk not in done or done[market.pk] < last)
    ]


def _tasks(markets: list[Market]) -> dict[int, set[str]]:
    """What each market has a version for."""
    found: dict[int, set[str]] = {}
    rows = TrainedModel.objects.filter(market__in=markets).values_list("market", "task").distinct()
    for market, task in rows.order_by():
        found.setdefault(market, set()).add(task)
    return found


def _follow(
    market: Market,
    last: dt.datetime,
    mark: dt.datetime | None,
    tasks: set[str],
    rules: list[Ready],
    now: dt.datetime,
) -> None:
    again = mark is not None and mark.date() == AGAIN.date()
    if again and Task.ANOMALY in tasks:
        _do(market, "scan", lambda: anomaly_scan(market=market))
    if again or now - last < NEWS:
        for step, does in _steps(market, tasks, last):
            _do(market, step, does)
    evaluate(market_ids=[market.pk], now=now, rules=rules)
    if mark is None:
        QuoteFlow.objects.get_or_create(market=market, defaults={"until": last})
    else:
        QuoteFlow.objects.filter(market=market, until=mark).update(until=last)


def _steps(
    market: Market, tasks: set[str], last: dt.datetime
) -> list[tuple[str, Callable[[], Any]]]:
    steps: list[tuple[str, Callable[[], Any]]] = []
    if Task.ANOMALY in tasks and not _is_watched(market, last):
        steps.append(("watch", lambda: anomaly_watch(market=market)))
    if Task.PRICE in tasks:
        steps.append(("price", lambda: forecast_make(task=Task.PRICE, market=market)))
    if Task.SPREAD in tasks:
        steps.append(("spread", lambda: forecast_make(task=Task.SPREAD, market=market)))
    if Task.PATTERN in tasks:
        steps.append(("pattern", lambda: pattern_recognize(market=market)))
    if tasks & {Task.PRICE, Task.SPREAD}:
        steps.append(("scores", lambda: forecasts_score(market=market)))
    return steps


def _is_watched(market: Market, last: dt.datetime) -> bool:
    """Whether the watch has seen the last quote: who stored it may have had it looked at."""
    return AnomalyWatch.objects.filter(market=market, scored_until__gte=last).exists()


def _do(market: Market, step: str, does: Callable[[], Any]) -> None:
    """Whatever fails in one step, the others go on; the next quote tries it again."""
    try:
        does()
    except AnalyticsError as error:
        logger.warning("%s of %s: %s", step, market.symbol, error.message)
    except Exception:
        logger.exception("%s of %s", step, market.symbol)
