"""Every new quote flows on: scored, forecast, named, due forecasts scored, rules judged.

One task goes over all markets that have quotes newer than their mark (`QuoteFlow`), and moves a
market's mark when all of it is done: a process that dies leaves the mark, and the market is done
again. Each step may be repeated without doubling anything.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.utils import timezone

import ml
from analytics import events, queue
from analytics.exceptions import AnalyticsError
from analytics.models import AlertRule, AnomalyWatch, Market, QuoteFlow, TrainedModel
from analytics.models.choices import Task
from analytics.models.direct import update_where
from analytics.selectors.glimpse import Glimpse
from analytics.selectors.models import models_answering
from analytics.selectors.prices import market_freshness, market_list
from analytics.services.alerting.evaluating import Ready, evaluate, rules_ready
from analytics.services.alerting.gathering import NEWS
from analytics.services.anomalies.scan import anomaly_scan
from analytics.services.anomalies.watch import watch_work
from analytics.services.forecasts.accuracy import scores_work
from analytics.services.forecasts.prediction import forecast_work
from analytics.services.patterns import pattern_work
from analytics.services.prices.unchanged import Work, keep_all_unchanged

logger = logging.getLogger(__name__)
FLOW_TASK = "analytics.tasks.follow_quotes"
#: On this day lie the marks of markets that have a new version: their last quotes are answered
#: again, however old.
AGAIN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class _Waiting:
    """A market out of `market_list`, the moment of its newest quote, and its mark; the grid's
    minutes of each task that it has a version for, the versions that answer, and how far its watch
    has come."""

    market: Market
    last: dt.datetime
    mark: dt.datetime | None
    steps: Mapping[str, int]
    answering: Mapping[str, tuple[int, str, str]]
    watched: dt.datetime | None

    @property
    def glimpse(self) -> Glimpse:
        counters = (self.market.revision, self.market.rewrites)
        return Glimpse(self.market.pk, counters, self.last, self.answering)

    @property
    def again(self) -> bool:
        """Whether a new version is to speak, however old the last quote is."""
        return self.mark is not None and self.mark.date() == AGAIN.date()

    @property
    def spoken_since(self) -> dt.datetime | None:
        """When forecasts were made that the quotes since the mark may be the answer to, with an
        hour to spare; None where that cannot be told. What answers late is for the schedule."""
        if self.mark is None or self.again:
            return None
        ahead = max(ml.HORIZONS) * max(self.steps.values(), default=0)
        return self.mark - dt.timedelta(hours=1, minutes=ahead)


@events.subscribe(events.QuotesStored)
def quotes_flow_on(stored: events.QuotesStored) -> None:
    """Call the worker where there is something to be done with the quotes, once for many."""
    known = TrainedModel.objects.filter(market__in=stored.market_ids)
    if not (known.exists() or AlertRule.objects.filter(enabled=True).exists()):
        return
    if not queue.is_told(FLOW_TASK):
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
    steps: dict[int, dict[str, int]] = defaultdict(dict)
    rows = TrainedModel.objects.filter(market__in=keys).order_by("step_minutes")
    for market_id, task, step in rows.values_list("market", "task", "step_minutes").distinct():
        steps[market_id][task] = step
    answering = models_answering(keys)
    watches = AnomalyWatch.objects.filter(market__in=keys)
    watched = dict(watches.values_list("market", "scored_until"))
    return [
        _Waiting(
            market=market,
            last=last,
            mark=done.get(market.pk),
            steps=steps[market.pk],
            answering=answering[market.pk],
            watched=watched.get(market.pk),
        )
        for market, last in found
    ]


def _follow(one: _Waiting, rules: list[Ready], now: dt.datetime) -> None:
    if one.again and Task.ANOMALY in one.steps:
        _scan(one.market)
    if one.again or now - one.last < NEWS:
        keep_all_unchanged(
            one.market, _works(one), failed=partial(_tell, one.market), glimpse=one.glimpse
        )
    evaluate(market_ids=[one.market.pk], markets=[one.market], now=now, rules=rules)
    if one.mark is None:
        QuoteFlow.objects.get_or_create(market=one.market, defaults={"until": one.last})
    else:
        asked = [one.market.pk, one.mark]
        update_where(QuoteFlow, {"until": one.last}, "market_id = %s AND until = %s", asked)


def _scan(market: Market) -> None:
    try:
        anomaly_scan(market=market)
    except Exception as error:
        _tell(market, "scan", error)


def _works(one: _Waiting) -> dict[str, Work[Any, Any]]:
    market, tasks = one.market, one.steps.keys()
    works: dict[str, Work[Any, Any]] = {}
    # Who stored the quote may have had it looked at.
    if Task.ANOMALY in tasks and not (one.watched is not None and one.watched >= one.last):
        works["watch"] = watch_work(market=market)
    for task in (Task.PRICE, Task.SPREAD):
        if task in tasks:
            works[task.value] = forecast_work(task=task, market=market)
    if Task.PATTERN in tasks:
        works["pattern"] = pattern_work(market=market)
    if tasks & {Task.PRICE, Task.SPREAD}:
        works["scores"] = scores_work(market=market, since=one.spoken_since)
    return works


def _tell(market: Market, step: str, error: Exception) -> None:
    """Whatever fails in one step, the others go on; the next quote tries it again."""
    if isinstance(error, AnalyticsError):
        logger.warning("%s of %s: %s", step, market.symbol, error.message)
    else:
        logger.error("%s of %s", step, market.symbol, exc_info=error)
