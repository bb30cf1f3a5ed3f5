"""Counts for Prometheus: one query each, however many markets, runs or workers there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Max, QuerySet, Sum

from analytics.models import CollectionFailure, MarketSource, WorkerHeartbeat
from analytics.models.run import Run


def run_counts(runs: QuerySet[Run]) -> Iterator[tuple[str, str, int]]:
    """(status, error code, how many) of a kind's runs."""
    grouped = runs.order_by().values_list("status", "error_code")
    yield from grouped.annotate(n=Count("pk")).order_by("status", "error_code")


def worker_counts() -> list[dict[str, Any]]:
    """Per cluster when one of its workers was seen last, and how often they were restarted."""
    grouped = WorkerHeartbeat.objects.order_by().values("cluster")
    return list(grouped.annotate(seen=Max("seen_at"), restarts=Sum("restarts")).order_by("cluster"))


def failure_counts() -> Iterator[tuple[str, str, int]]:
    """(venue, code, how many) of what went wrong in collecting."""
    grouped = CollectionFailure.objects.order_by().values_list("source__venue", "code")
    yield from grouped.annotate(n=Sum("count")).order_by("source__venue", "code")


def sources_enabled() -> int:
    """Sources that are switched on."""
    return MarketSource.objects.filter(enabled=True).count()
