"""What the page of one market says beside its chart, and the runs that are going on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from analytics.models import (
    AnomalyEvent,
    Forecast,
    Market,
    PatternResult,
    PriceHistory,
    TrainedModel,
    TrainingRun,
)
from analytics.models.choices import Task
from analytics.models.direct import rows_where
from analytics.selectors.models import with_state
from analytics.selectors.prices import market_freshness, market_list, staleness
from analytics.selectors.watches import WatchState, watch_states

#: Events of a market that are listed.
EVENTS = 5
#: Grid steps before the last quote in which the price may have come that is shown as the present.
PAST_STEPS = 96


@dataclass
class Card:
    """One market; what is missing is None or empty, never an error. `priced` is the last of the
    late quotes that has an average price: `last` may have one side only."""

    market: Market
    freshness: dict[str, Any]
    models: dict[str, TrainedModel | None]
    price: Forecast | None = None
    spread: Forecast | None = None
    pattern: PatternResult | None = None
    events: list[AnomalyEvent] = field(default_factory=list)
    watch: WatchState | None = None
    last: PriceHistory | None = None
    priced: PriceHistory | None = None


def market_card(market: Market, *, now: dt.datetime | None = None) -> Card:
    """All that the page of one market says of it."""
    now = now or timezone.now()
    found = market_list().get(pk=market.pk)
    models = _models([found.pk])
    by_task = {task: models.get((found.pk, task)) for task in Task.values}
    last, priced = _quotes(found)
    price, spread, pattern = (
        _newest(Forecast, found, "AND task = %s", [Task.PRICE]),
        _newest(Forecast, found, "AND task = %s", [Task.SPREAD]),
        _newest(PatternResult, found),
    )
    _give_models([price, spread, pattern], by_task.values())
    return Card(
        market=found,
        freshness=market_freshness(found, now=now),
        models=by_task,
        price=price,
        spread=spread,
        pattern=pattern,
        events=_events(by_task[Task.ANOMALY]),
        watch=next(iter(watch_states([found], now=now)), None),
        last=last,
        priced=priced,
    )


def forecast_is_stale(forecast: Forecast, *, now: dt.datetime | None = None) -> bool:
    """Whether a forecast no longer speaks for now: made from an old quote, or grown old since."""
    limit = staleness(forecast.model.step_minutes)
    return forecast.stale or (now or timezone.now()) - forecast.as_of > limit


def market_choices(limit: int = 200) -> list[Market]:
    """What the reader may choose from."""
    return list(Market.objects.all()[:limit])


def runs_open(limit: int = 20) -> QuerySet[TrainingRun]:
    """Queued and running runs, oldest first: the order in which they will be done."""
    runs = TrainingRun.objects.select_related("market").filter(status__in=TrainingRun.OPEN)
    return runs.order_by("id")[:limit]


def runs_failed_lately(hours: int = 24, limit: int = 5) -> QuerySet[TrainingRun]:
    since = timezone.now() - dt.timedelta(hours=hours)
    runs = TrainingRun.objects.select_related("market").filter(
        status=TrainingRun.Status.FAILED, finished_at__gte=since
    )
    return runs.order_by("-id")[:limit]


def _newest(model: type[Any], market: Market, more: str = "", values: Sequence[Any] = ()) -> Any:
    """The market's newest result, without its version; None where there is none."""
    order = "ORDER BY as_of DESC, id DESC LIMIT 1"
    found = rows_where(model, f"market_id = %s {more} {order}", [market.pk, *values])
    return found[0] if found else None


def _give_models(results: Iterable[Any], known: Iterable[TrainedModel | None]) -> None:
    """Put the versions that made them on results: most often those that answer now."""
    there = [result for result in results if result is not None]
    versions = {model.pk: model for model in known if model is not None}
    if missing := {result.model_id for result in there} - set(versions):
        versions |= TrainedModel.objects.in_bulk(missing)
    for result in there:
        result.model = versions[result.model_id]


def _events(detector: TrainedModel | None) -> list[AnomalyEvent]:
    """The last alarms of whoever answers now: earlier versions tell of the same things again."""
    if detector is None:
        return []
    alarms = "model_id = %s AND score >= %s ORDER BY start DESC, id DESC LIMIT %s"
    found = rows_where(AnomalyEvent, alarms, [detector.pk, AnomalyEvent.ALARM, EVENTS])
    for event in found:
        event.model = detector
    return found


def _models(ids: list[int]) -> dict[tuple[int, str], TrainedModel]:
    """Per market and task the active version, else the newest one (its baseline answers)."""
    versions = TrainedModel.objects.filter(market__in=ids)
    newest = versions.order_by().values("market", "task").annotate(pk_=Max("pk")).values("pk_")
    shown = versions.filter(Q(status=TrainedModel.Status.ACTIVE) | Q(pk__in=newest))
    found: dict[tuple[int, str], TrainedModel] = {}
    for version in with_state(shown).order_by("pk"):
        key = (version.market_id, version.task)
        if key not in found or found[key].status != TrainedModel.Status.ACTIVE:
            found[key] = version
    return found


def _quotes(market: Market) -> tuple[PriceHistory | None, PriceHistory | None]:
    """(last quote, last one of the late quotes that has an average price)."""
    if market.last_quote_at is None:
        return None, None
    late = "market_id = %s AND timestamp > %s"
    newest = "ORDER BY timestamp DESC LIMIT 1"
    span = dt.timedelta(minutes=PAST_STEPS * market.cadence_minutes)
    values = [market.pk, market.last_quote_at - span]
    last = next(iter(rows_where(PriceHistory, f"{late} {newest}", values)), None)
    if last is None or last.avg_price is not None:
        return last, last
    known = "(price IS NOT NULL OR (bid IS NOT NULL AND ask IS NOT NULL))"
    priced = rows_where(PriceHistory, f"{late} AND {known} {newest}", values)
    return last, next(iter(priced), None)
