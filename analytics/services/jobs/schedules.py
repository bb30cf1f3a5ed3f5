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

SCORE_TASK = "analytics.tasks.score_forecasts"


@dataclass(frozen=True)
class Periodic:
    """A task, by its dotted path, and the minutes between two of its runs."""

    name: str
    task: str
    minutes: int


PERIODIC = (
    # Does nothing while no source is switched on; each source has its own interval.
    Periodic("collect prices", COLLECT_TASK, 1),
    Periodic("score forecasts", SCORE_TASK, 30),
    Periodic("watch anomalies", WATCH_TASK, 5),
    # What follows a quote is called for at once; this is for what a dead process left undone.
    Periodic("follow quotes", FLOW_TASK, 1),
    Periodic("evaluate alerts", EVALUATE_TASK, 1),
    Periodic("deliver alerts", DELIVER_TASK, 1),
    Periodic("watch markets", MARKETS_TASK, 5),
    Periodic("sweep uploads", UPLOADS_TASK, 60),
)


def schedules_setup() -> list[str]:
    """Make the schedules that are missing; answers their names. Calling it again changes nothing,
    and a pace that was changed in the admin stays."""
    return [
        entry.name
        for entry in PERIODIC
        if queue.ensure_schedule(entry.name, entry.task, minutes=entry.minutes)
    ]
