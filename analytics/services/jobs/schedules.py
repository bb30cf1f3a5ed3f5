"""Periodic work: what runs how often, unless the admin says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from analytics import queue
from analytics.services.alerting.evaluating import EVALUATE_TASK
from analytics.services.alerting.outbox import DELIVER_TASK
from analytics.services.anomalies.watch import WATCH_TASK
from analytics.services.collection.rounds import COLLECT_TASK
from analytics.services.flow import FLOW_TASK
from analytics.services.prices.freshness import MARKETS_TASK
from analytics.services.prices.uploads import UPLOADS_TASK


@dataclass(frozen=True)
class Periodic:
    """A task, by its dotted path, and the minutes between two of its runs. What runs once an
    hour or less often begins so long after it was set up: not while a first page is waited for."""

    name: str
    task: str
    minutes: int


PERIODIC = (
    # Does nothing while no source is switched on; each source has its own interval.
    Periodic("collect prices", COLLECT_TASK, 1),
    Periodic("score forecasts", "analytics.tasks.score_forecasts", 30),
    Periodic("watch anomalies", WATCH_TASK, 5),
    # What follows a quote is called for at once; this is for what a dead process left undone.
    Periodic("follow quotes", FLOW_TASK, 1),
    Periodic("evaluate alerts", EVALUATE_TASK, 1),
    Periodic("deliver alerts", DELIVER_TASK, 1),
    Periodic("watch markets", MARKETS_TASK, 5),
    Periodic("reap runs", "analytics.tasks.reap_runs", 5),
    Periodic("retrain models", "analytics.tasks.retrain_models", 10),
    Periodic("expire models", "analytics.tasks.expire_models", 60),
    Periodic("judge models", "analytics.tasks.judge_models", 360),
    Periodic("sweep uploads", UPLOADS_TASK, 60),
    Periodic("purge models", "analytics.tasks.purge_models", 1440),
    Periodic("vacuum books", "analytics.tasks.vacuum_books", 1440),
    Periodic("back up", "analytics.tasks.back_up", 1440),
)


def schedules_setup() -> list[str]:
    """Make the schedules that are missing; answers their names. Calling it again changes nothing,
    and a pace that was changed in the admin stays."""
    return [
        entry.name
        for entry in PERIODIC
        if queue.ensure_schedule(
            entry.name, entry.task, minutes=entry.minutes, wait=entry.minutes >= 60
        )
    ]
