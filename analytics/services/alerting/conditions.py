"""How things stand now: the watch, the versions that answer, trainings, the worker."""

from __future__ import annotations

import datetime as dt

from analytics.alerts.facts import Drift, Failure, Version, Watch, Workers
from analytics.models import AnomalyWatch, Market, TrainedModel, TrainingRun, WorkerHeartbeat
from analytics.models.choices import Task
from analytics.selectors.prices import market_freshness
from analytics.services.forecasts.accuracy import accuracy_of


def watches(market: Market | None, _since: dt.datetime, now: dt.datetime) -> list[Watch]:
    """How far the detector of a market that has one and is quoted has come."""
    if market is None or not _has_detector(market):
        return []
    last = market_freshness(market, now=now)["last_quote_at"]
    if last is None:
        return []
    row = AnomalyWatch.objects.filter(market=market).first()
    if row is None:
        return [Watch(now, last, None, None, None)]
    return [Watch(now, last, row.scored_until, row.needed, row.present)]


def _has_detector(market: Market) -> bool:
    return TrainedModel.objects.filter(market=market, task=Task.ANOMALY).exists()


def versions(market: Market | None, _since: dt.datetime, now: dt.datetime) -> list[Version]:
    """The versions that answer for the market."""
    active = TrainedModel.objects.filter(market=market, status=TrainedModel.Status.ACTIVE)
    return [
        Version(now, row.pk, row.task, row.version, row.data_until, row.expired_at is not None)
        for row in active.order_by("task")
    ]


def drifts(market: Market | None, _since: dt.datetime, now: dt.datetime) -> list[Drift]:
    """What the scored forecasts say about them."""
    if market is None:
        return []
    return [
        Drift(
            now,
            found["model_id"],
            found["task"],
            found["version"],
            found["drifted"],
            tuple(found["reasons"]),
        )
        for found in accuracy_of(market=market, now=now)["drift"]
    ]


def failures(market: Market | None, since: dt.datetime, now: dt.datetime) -> list[Failure]:
    """Trainings of the market that failed since."""
    runs = TrainingRun.objects.filter(
        market=market,
        status=TrainingRun.Status.FAILED,
        finished_at__gte=since,
        finished_at__lte=now,
    )
    return [failure_of(run) for run in runs.order_by("finished_at", "id")]


def failure_of(run: TrainingRun) -> Failure:
    """A failed run as rules see it."""
    at = run.finished_at or run.created_at
    return Failure(at, run.pk, run.task, run.error_code, run.error_message)


def workers(_market: Market | None, _since: dt.datetime, now: dt.datetime) -> Workers:
    """Signs of life."""
    rows = list(WorkerHeartbeat.objects.order_by("-seen_at")[:20])
    restarts = {f"{row.name} {row.started_at.isoformat()}": row.restarts for row in rows}
    return Workers(now, rows[0].seen_at if rows else None, restarts)
