"""What the page of one market says beside its chart, and the runs that are going on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

import ml
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
from analytics.models.market import derive_price
from analytics.selectors.models import with_state
from analytics.selectors.prices import Line, market_freshness, market_list, staleness, thinned
from analytics.selectors.watches import WatchState, watch_states

#: Events of a market: those that are listed, and those that a chart may mark.
EVENTS, MARKED = 5, 8
#: Grid steps of the past that a chart shows before its forecast.
PAST_STEPS = 96


@dataclass
class Card:
    """One market; what is missing is None or empty, never an error."""

    market: Market
    freshness: dict[str, Any]
    models: dict[str, TrainedModel | None]
    price: Forecast | None = None
    spread: Forecast | None = None
    pattern: PatternResult | None = None
    events: list[AnomalyEvent] = field(default_factory=list)
    watch: WatchState | None = None
    prices: Line = field(default_factory=list)
    spreads: Line = field(default_factory=list)
    last: PriceHistory | None = None


def market_card(market: Market, *, now: dt.datetime | None = None) -> Card:
    """All that the page of one market says of it."""
    now = now or timezone.now()
    found = _markets().get(pk=market.pk)
    forecasts = _picked(Forecast, found, ["latest_price", "latest_spread"])
    patterns = _picked(PatternResult, found, ["latest_pattern"])
    events = _picked(AnomalyEvent, found, [f"event_{n}" for n in range(MARKED)])
    models = _models([found.pk])
    quotes = _quotes(found)
    return Card(
        market=found,
        freshness=market_freshness(found, now=now),
        models={task: models.get((found.pk, task)) for task in Task.values},
        price=forecasts.get(found.latest_price),
        spread=forecasts.get(found.latest_spread),
        pattern=patterns.get(found.latest_pattern),
        events=sorted(events.values(), key=lambda e: (e.start, e.pk), reverse=True),
        watch=next(iter(watch_states([found], now=now)), None),
        prices=_line(quotes, 0),
        spreads=_line(quotes, 1),
        last=quotes[-1] if quotes else None,
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


def _markets() -> QuerySet[Market]:
    """Markets with the ids of their newest results: one look into an index for each."""
    forecast = Forecast.objects.filter(market=OuterRef("pk")).order_by("-as_of", "-id")
    pattern = PatternResult.objects.filter(market=OuterRef("pk")).order_by("-as_of", "-id")
    detectors = TrainedModel.objects.filter(market=OuterRef("pk"), task=Task.ANOMALY)
    active = detectors.filter(status=TrainedModel.Status.ACTIVE)
    # Events of whoever answers now: those of earlier versions tell of the same things again.
    alarms = AnomalyEvent.objects.filter(score__gte=AnomalyEvent.ALARM)
    event = alarms.filter(model=OuterRef("detector")).order_by("-start", "-id")
    asked = market_list().annotate(
        detector=Coalesce(
            Subquery(active.values("pk")[:1]),
            Subquery(detectors.order_by("-version").values("pk")[:1]),
        )
    )
    return asked.annotate(
        latest_price=Subquery(forecast.filter(task=Task.PRICE).values("pk")[:1]),
        latest_spread=Subquery(forecast.filter(task=Task.SPREAD).values("pk")[:1]),
        latest_pattern=Subquery(pattern.values("pk")[:1]),
        **{f"event_{n}": Subquery(event.values("pk")[n : n + 1]) for n in range(MARKED)},
    )


def _picked(model: Any, market: Market, names: list[str]) -> dict[int, Any]:
    ids = {getattr(market, name) for name in names} - {None}
    return model.objects.select_related("model").in_bulk(ids)


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


def _quotes(market: Market) -> list[PriceHistory]:
    """The last stretch of a market, oldest first."""
    if market.last_quote_at is None:
        return []
    since = market.last_quote_at - dt.timedelta(minutes=PAST_STEPS * market.cadence_minutes)
    rows = PriceHistory.objects.filter(market=market, timestamp__gt=since).order_by("timestamp")
    return list(rows.only("market_id", "timestamp", *ml.PRICE_COLUMNS))


def _line(quotes: list[PriceHistory], place: int) -> Line:
    """(moment, average price or spread percent) of every quote that has it, thinned."""
    return thinned((q.timestamp, derive_price(q.bid, q.ask, q.price)[place]) for q in quotes)
