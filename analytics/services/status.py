"""What is running, on what, and what can answer."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils import timezone

import ml
from analytics import queue
from analytics.conf import conf
from analytics.models import (
    Market,
    MarketSource,
    PriceHistory,
    TrainedModel,
    TrainingRun,
    WorkerHeartbeat,
)
from analytics.models.choices import Source, Task
from analytics.models.run import Run
from analytics.retelling import retold
from analytics.selectors.models import Serving, is_broken, servings, servings_first
from analytics.selectors.watches import watch_states
from analytics.services.backups.keeping import backup_last
from analytics.services.collection.freshness import collected_stale
from analytics.services.device import device_info
from analytics.services.jobs.kinds import job_kinds
from analytics.services.registry.expiry import expiry_of
from analytics.services.registry.serving import train_line
from analytics.words import watch_reason

#: Markets that `/readyz` and `model-info` name at most.
MOST_NAMED = 100
#: Seconds in which a cluster answers its pings, unless its workers are all busy with runs.
ANSWERS_WITHIN = 300
#: A worker that was not seen for so many heartbeats counts as gone.
MISSED = 4


def model_info(*, market: Market | None = None) -> dict[str, Any]:
    """Device, and per market and task who answers and what is missing. Works with no model and
    with no market at all."""
    markets = Market.objects.all() if market is None else Market.objects.filter(pk=market.pk)
    newest = PriceHistory.objects.filter(market=OuterRef("pk")).order_by("-timestamp")
    known = list(markets.annotate(last=Subquery(newest.values("timestamp")[:1]))[:MOST_NAMED])
    first = servings_first([m.pk for m in known])
    left_out = markets.count() - len(known) if len(known) == MOST_NAMED else 0
    return {
        "device": device_info(),
        "serve_device": conf().SERVE_DEVICE,
        "last_backup": backup_last(),
        "horizons_steps": list(ml.HORIZONS),
        "quantiles": list(ml.QUANTILES),
        "markets_left_out": left_out,
        "markets": [
            {
                "market": m.symbol,
                "step_minutes": m.cadence_minutes,
                "tasks": {
                    str(task): _task_info(m, str(task), first.get((m.pk, task)), m.last)
                    for task in Task.values
                },
            }
            for m in known
        ],
    }


def _task_info(
    market: Market, task: str, serving: Serving | None, last: dt.datetime | None
) -> dict[str, Any]:
    """Of the first that could answer, for a market whose last quote is of that moment."""
    if serving is None:
        return {"status": "none", "train": train_line(task)}
    if is_broken(serving.model):
        # The next that is not known to be broken answers in its place, if there is one.
        sound = next((s for s in servings(market, task) if not is_broken(s.model)), None)
        return {
            "status": "broken",
            **_version_info(serving, last),
            "answered_by": None if sound is None else sound.name,
        }
    trained = serving.source == Source.NETWORK
    return {"status": "active" if trained else "baseline", **_version_info(serving, last)}


def _version_info(serving: Serving, last: dt.datetime | None) -> dict[str, Any]:
    """Of who answers for a market whose `last` quote is that old."""
    model: TrainedModel = serving.model
    return {
        "model_id": model.pk,
        "broken": is_broken(model),
        "version": model.version,
        "family": model.family,
        "answered_by": serving.name,
        "trained_at": model.trained_at,
        "trained_on": model.device,
        "data_from": model.data_from,
        "data_until": model.data_until,
        "expired": expiry_of(model, at=last) is not None,
        "drifted_at": model.drifted_at,
        "drift_reasons": list(model.drift.get("reasons", ())) if model.drifted_at else [],
        "metric": model.primary_metric,
        "score": model.score,
        "baseline": model.baseline,
        "baseline_score": model.baseline_score,
        "beats_baseline": model.beats_baseline,
        "metrics": model.metrics,
        "baseline_metrics": model.baseline_metrics,
        "input_columns": model.input_columns,
        "window": model.window,
        "step_minutes": model.step_minutes,
    }


def readiness(*, now: dt.datetime | None = None) -> dict[str, Any]:
    """Whether this server can answer (its database does), and what a watchman wants to know beside:
    the worker, collected markets that are stale, and markets whose new quotes nobody scores. Raises
    DatabaseError where it cannot."""
    now = now or timezone.now()
    stale = collected_stale(now=now)
    workers = worker_status(now=now)
    watches = watch_states(now=now)
    unwatched = [found for found in watches if not found.good]
    return {
        "ready": True,
        "worker_alive": workers["alive"],
        "worker_restarts": workers["restarts"],
        "worker_restarted_at": workers["restarted_at"],
        "collected": MarketSource.objects.filter(enabled=True).count(),
        "stale": len(stale),
        "stale_markets": stale,
        "last_backup_at": backup["made_at"] if (backup := backup_last()) else None,
        "watching": len(watches) - len(unwatched),
        "not_watching": len(unwatched),
        "unwatched": [
            {
                "market": found.market.symbol,
                "state": str(found.state),
                "since": found.since,
                "why": watch_reason(found.state, found.detail),
            }
            for found in unwatched[:MOST_NAMED]
        ],
    }


def _answers(worker: WorkerHeartbeat, now: dt.datetime) -> bool:
    """Whether its cluster did a task lately, or may be busy with runs. A supervisor goes on where
    its cluster dies at every start: it is seen, and nothing is done."""
    last = max(worker.started_at, worker.answered_at or worker.started_at)
    if (now - last).total_seconds() <= ANSWERS_WITHIN:
        return True
    return any(kind.runs.filter(status=Run.Status.RUNNING).exists() for kind in job_kinds())


def worker_status(*, now: dt.datetime | None = None) -> dict[str, Any]:
    """The worker as its own heartbeat rows show it, the queue's length and what is running."""
    now = now or timezone.now()
    limit = MISSED * conf().HEARTBEAT_SECONDS
    workers = []
    for row in WorkerHeartbeat.objects.all()[:20]:
        age = (now - row.seen_at).total_seconds()
        workers.append(
            {
                "name": row.name,
                "cluster": row.cluster,
                "pid": row.pid,
                "started_at": row.started_at,
                "seen_at": row.seen_at,
                "age_seconds": age,
                "alive": age <= limit and _answers(row, now),
                "restarts": row.restarts,
                "restarted_at": row.restarted_at,
                "restart_reason": retold(row.restart_reason),
                "device": row.device,
            }
        )
    running = TrainingRun.objects.filter(status=TrainingRun.Status.RUNNING)
    return {
        "alive": any(w["alive"] for w in workers),
        "restarts": sum(w["restarts"] for w in workers),
        "restarted_at": max(
            (w["restarted_at"] for w in workers if w["restarted_at"]), default=None
        ),
        "workers": workers,
        "queue_length": queue.queue_length(),
        "running": list(running.values_list("pk", flat=True)),
    }
