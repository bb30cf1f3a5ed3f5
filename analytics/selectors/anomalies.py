"""Reads of strange rows and of the events that they make up."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, IntegerField, QuerySet, Value, When

from analytics.models import AnomalyEvent, AnomalyResult, Severity


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
