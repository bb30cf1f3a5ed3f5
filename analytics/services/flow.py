"""Every new quote flows on: scored, forecast, named, due forecasts scored, rules judged.

One task goes over all markets that have quotes newer than their mark (`QuoteFlow`), and moves a
market's mark when all of it is done: a process that dies leaves the mark, and the market is done
again. Each step may be repeated without doubling anything.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

import ml
from analytics import events, queue
from analytics.exceptions import AnalyticsError
from analytics.models import AlertRule, AnomalyWatch, Market, QuoteFlow, TrainedModel
from analytics.models.choices import Task
from analytics.models.direct import update_where
from analytics.selectors.prices import market_freshness, market_list
from analytics.services.alerting.evaluating import Ready, evaluate, rules_ready
from analytics.services.alerting.gathering import NEWS
from analytics.services.anomalies.scan import anomaly_scan
from analytics.services.anomalies.watch import anomaly_watch
from analytics.services.forecasts.accuracy import forecasts_score
from analytics.services.forecasts.prediction import forecast_refresh
from analytics.services.patterns import pattern_refresh

logger = logging.getLogger(__name__)
FLOW_TASK = "analytics.tasks.follow_quotes"
#: On this day lie the marks of markets that have a new version: their last quotes are answered
#: again, however old.
AGAIN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class _Waiting:
    """A market out of `market_list`, the moment of its newest quote, and its mark; the grid's
    minutes of each task that it has a version for, and how far its watch has come."""

    market: Market
    last: dt.datetime
    mark: dt.datetime | None
    steps: Mapping[str, int]
    watched: dt.datetime | None

    @property
    def again(self) -> bool:
        """Whether a new version is to speak, however old the last quote is."""
        return self.mark is not None and self.mark.date() == AGAIN.date()

    @property
    def spoken_since(self) -> dt.datetime | None:
        """When forecasts were made that the quotes since the mark may be the answer to, with a day
        to spare; None where that cannot be told."""
        if self.mark is None or self.again:
            return None
        ahead = max(ml.HORIZONS) * max(self.steps.values(), default=0)
        return self.mark - dt.timedelta(days=1, minutes=ahead)


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
    for one in waiting:
        _follow(one, rules, now)
    return [one.market.symbol for one in waiting]


def _waiting(market_ids: Collection[int] | None) -> list[_Waiting]:
    """Markets with quotes newer than their mark. What the steps ask of all of them is read here
    once."""
    markets = market_list().order_by("pk")
    if market_ids is not None:
        markets = markets.filter(pk__in=market_ids)
    done = dict(QuoteFlow.objects.values_list("market", "until"))
    found = [(market, market_freshness(market)["last_quote_at"]) for market in markets]
    found = [
        (market, last)
        for market, last in found
        if last is not None and (market.pk not in done or done[market.pk] < last)
    ]
    keys = [market.pk for market, _last in found]
    steps: dict[int, dict[str, int]] = {}
    rows = TrainedModel.objects.filter(market__in=keys).order_by("step_minutes")
    for market_id, task, step in rows.values_list("market", "task", "step_minutes").distinct():
        steps.setdefault(market_id, {})[task] = step
    watches = AnomalyWatch.objects.filter(market__in=keys)
    watched = dict(watches.values_list("market", "scored_until"))
    return [
        _Waiting(
            market, last, done.get(market.pk), steps.get(market.pk, {}), watched.get(market.pk)
        )
        for market, last in found
    ]


def _follow(one: _Waiting, rules: list[Ready], now: dt.datetime) -> None:
    if one.again and Task.ANOMALY in one.steps:
        _do(one.market, "scan", lambda: anomaly_scan(market=one.market))
    if one.again or now - one.last < NEWS:
        for step, does in _steps(one):
            _do(one.market, step, does)
    evaluate(market_ids=[one.market.pk], markets=[one.market], now=now, rules=rules)
    if one.mark is None:
        QuoteFlow.objects.get_or_create(market=one.market, defaults={"until": one.last})
    else:
        asked = [one.market.pk, one.mark]
        update_where(QuoteFlow, {"until": one.last}, "market_id = %s AND until = %s", asked)


def _steps(one: _Waiting) -> list[tuple[str, Callable[[], Any]]]:
    market, tasks = one.market, one.steps.keys()
    steps: list[tuple[str, Callable[[], Any]]] = []
    # Who stored the quote may have had it looked at.
    if Task.ANOMALY in tasks and not (one.watched is not None and one.watched >= one.last):
        steps.append(("watch", lambda: anomaly_watch(market=market)))
    if Task.PRICE in tasks:
        steps.append(("price", lambda: forecast_refresh(task=Task.PRICE, market=market)))
    if Task.SPREAD in tasks:
        steps.append(("spread", lambda: forecast_refresh(task=Task.SPREAD, market=market)))
    if Task.PATTERN in tasks:
        steps.append(("pattern", lambda: pattern_refresh(market=market)))
    if tasks & {Task.PRICE, Task.SPREAD}:
        since = one.spoken_since
        steps.append(("scores", lambda: forecasts_score(market=market, since=since)))
    return steps


def _do(market: Market, step: str, does: Callable[[], Any]) -> None:
    """Whatever fails in one step, the others go on; the next quote tries it again."""
    try:
        does()
    except AnalyticsError as error:
        logger.warning("%s of %s: %s", step, market.symbol, error.message)
    except Exception:
        logger.exception("%s of %s", step, market.symbol)
