"""Reads of strange rows and of the events that they make up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from analytics.models import AnomalyEvent, AnomalyResult, Severity, TrainedModel
from analytics.models.choices import Task

#: Where an event may stand: nobody has looked at it, it goes on, it was seen, it was judged.
STATES = ("new", "open", "seen", "true", "false", "all")


@dataclass(frozen=True, kw_only=True)
class EventQuery:
    """What an inbox asks for; empty is no condition. `since` and `until` take what lies in that
    time at least in part. Without `everything` only alarms are meant, and of those that nobody has
    judged only what the version found that answers now: earlier ones tell of the same again."""

    market: int | None = None
    kind: str = ""
    severity: str = ""
    state: str = "new"
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    everything: bool = False


def event_inbox(query: EventQuery) -> QuerySet[AnomalyEvent]:
    """The events that it asks for, newest first, each with `unseen`."""
    rows = with_unseen(event_list())
    asked = {
        "market": query.market,
        "kind": query.kind,
        "severity": query.severity,
        "end__gte": query.since,
        "start__lte": query.until,
    }
    rows = rows.filter(**{name: value for name, value in asked.items() if value})
    if not query.everything:
        rows = rows.filter(score__gte=AnomalyEvent.ALARM).annotate(detector=_detector())
        rows = rows.filter(Q(model=F("detector")) | ~Q(feedback=""))
    return rows.filter(_IN_STATE[query.state])


_IN_STATE = {
    "new": Q(feedback="", unseen=True),
    "open": Q(is_open=True),
    "seen": Q(feedback="", unseen=False),
    "true": Q(feedback="true"),
    "false": Q(feedback="false"),
    "all": Q(),
}


def with_unseen(rows: QuerySet[AnomalyEvent]) -> QuerySet[AnomalyEvent]:
    """The same with `unseen`: whether it has a row that nobody has acknowledged."""
    unseen = AnomalyResult.objects.filter(event=OuterRef("pk"), acknowledged_at=None)
    return rows.annotate(unseen=Exists(unseen))


def event_neighbours(
    rows: QuerySet[AnomalyEvent], event: AnomalyEvent
) -> tuple[int | None, int | None]:
    """(id of the next newer, of the next older) among `rows`, whether it is one of them or not."""
    newer = Q(start__gt=event.start) | Q(start=event.start, pk__gt=event.pk)
    older = Q(start__lt=event.start) | Q(start=event.start, pk__lt=event.pk)
    found = (
        rows.filter(newer).order_by("start", "pk"),
        rows.filter(older).order_by("-start", "-pk"),
    )
    first, second = (row.values_list("pk", flat=True).first() for row in found)
    return first, second


def event_kinds() -> Iterable[str]:
    """The kinds that there are."""
    return AnomalyEvent.objects.order_by("kind").values_list("kind", flat=True).distinct()


def first_seen(event: AnomalyEvent) -> tuple[dt.datetime, str] | None:
    """(when, by whom) its first row was acknowledged; None where none was."""
    rows = AnomalyResult.objects.filter(event=event).exclude(acknowledged_at=None)
    said = rows.order_by("acknowledged_at", "pk")
    return said.values_list("acknowledged_at", "acknowledged_by__username").first()


def _detector() -> Coalesce:
    """The version that watches the event's market now, or would."""
    detectors = TrainedModel.objects.filter(market=OuterRef("market"), task=Task.ANOMALY)
    active = detectors.filter(status=TrainedModel.Status.ACTIVE)
    newest = detectors.order_by("-version")
    return Coalesce(Subquery(active.values("pk")[:1]), Subquery(newest.values("pk")[:1]))


def anomaly_list() -> QuerySet[AnomalyResult]:
    """Strange rows, newest first."""
    rows = AnomalyResult.objects.select_related("market", "model", "acknowledged_by", "event")
    return rows.order_by("-timestamp", "-id")


def event_list() -> QuerySet[AnomalyEvent]:
    """Events, newest first."""
    rows = AnomalyEvent.objects.select_related("market", "model", "feedback_by")
    return rows.order_by("-start", "-id")


def fact_of(event: AnomalyEvent) -> dict[str, Any]:
    """The event as the dispatcher tells of it (analytics.events.AnomalyFact)."""
    same = ("market_id", "model_id", "start", "end", "score", "severity", "feedback")
    return {"event_id": event.pk, **{name: getattr(event, name) for name in same}}


def events_open(limit: int = 20) -> QuerySet[AnomalyEvent]:
    """What is going on now, the worst first. What was called a false alarm wakes nobody."""
    rank = Case(
        *(When(severity=name, then=Value(n)) for n, name in enumerate(Severity.values)),
        output_field=IntegerField(),
    )
    rows = event_list().filter(is_open=True, score__gte=AnomalyEvent.ALARM)
    rows = rows.exclude(feedback=AnomalyEvent.Feedback.FALSE)
    return rows.annotate(rank=rank).order_by("-rank", "-start", "-id")[:limit]
