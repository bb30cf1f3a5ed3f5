"""Asking for a training, cancelling it, closing what died. Doing it is services/execution.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Min
from django.utils.translation import gettext as _

import ml
from analytics import queue
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import Market, PriceHistory, TrainingRun
from analytics.selectors.runs import run_get, run_open
from analytics.services.jobs.run_states import run_cancel, run_close, run_is_dead, run_reap
from analytics.services.prices.auditing import too_little
from analytics.services.translate import ml_errors

Status = TrainingRun.Status
RUN_TASK = "analytics.tasks.run_training"


def family_list() -> list[dict[str, Any]]:
    """Every family that can be trained, with its parameters and their ranges."""
    return [
        {
            "name": spec.name,
            "task": str(spec.task),
            "title": spec.title,
            "baseline": spec.of_task.baseline,
            "primary_metric": spec.of_task.primary,
            "higher_is_better": spec.of_task.higher_is_better,
            "parameters": ml.describe_config(spec.config),
        }
        for spec in ml.list_specs()
    ]


def training_request(
    *,
    market: Market,
    task: str,
    params: Mapping[str, Any],
    family: str | None = None,
    requested_by: Any = None,
    until: dt.datetime | None = None,
    device: str = "",
    enqueue: bool = True,
) -> TrainingRun:
    """Check what is asked for, insert a queued run and ring the queue's bell.

    Raises InvalidInput (bad_config, unknown_family, not_enough_data) or Conflict (run_open), and
    then leaves nothing behind.
    """
    spec = _spec(task, family)
    with ml_errors():
        config = ml.make_config(spec.config, params)
    data_from, data_until, rows = history_span(market, until, needed=spec.of_task.min_grid_rows)
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(
                market=market,
                task=task,
                family=spec.name,
                config=vars(config),
                seed=config.seed,
                epochs=config.epochs,
                device_wish=device,
                requested_by=requested_by,
                data_from=data_from,
                data_until=data_until,
                row_count=rows,
            )
            if enqueue:
                queue.enqueue(RUN_TASK, run.pk)
    except IntegrityError:
        raise _twin(market, task) from None
    return run


def _spec(task: str, family: str | None) -> Any:
    with ml_errors():
        spec = ml.get_spec(family or task)
    if spec.task != task:
        raise InvalidInput(
            _("The family %(family)s learns %(has)s, not %(task)s.")
            % {"family": spec.name, "has": spec.task, "task": task},
            "unknown_family",
            {"family": _("not a family of this task")},
        )
    return spec


def _twin(market: Market, task: str) -> Conflict:
    twin = run_open(market.pk, task)
    return Conflict(
        _("A %(task)s training of %(market)s is already open.")
        % {"task": task, "market": market.symbol},
        "run_open",
        run_id=twin.pk if twin else None,
    )


def history_span(
    market: Market, until: dt.datetime | None, *, needed: int
) -> tuple[dt.datetime, dt.datetime, int]:
    """(first, last, rows) of the quotes to learn from; too few are refused before queueing."""
    quotes = PriceHistory.objects.filter(market=market)
    if until is not None:
        quotes = quotes.filter(timestamp__lte=until)
    first, last, rows = quotes.aggregate(
        first=Min("timestamp"), last=Max("timestamp"), rows=Count("pk")
    ).values()
    present = 0
    if rows:
        present = ml.fillable_rows(first, last, quotes=rows, step_minutes=market.cadence_minutes)
    if present < needed:
        raise InvalidInput(
            too_little(market, needed, present),
            "not_enough_data" if rows else "no_history",
            {"market": _("collect or import more quotes")},
            needed=needed,
            present=present,
        )
    return first, last, rows


def training_cancel(*, run: TrainingRun, by: Any = None) -> TrainingRun:
    """Cancel a queued run at once; ask a running one to stop at the end of its epoch."""
    run_cancel(run, closed=_("Run %(id)s is already closed.") % {"id": run.pk})
    return run_get(run.pk)


def training_close(
    *, run_id: int, attempt: int, status: str, code: str = "", message: str = ""
) -> bool:
    """Close a run that is still running this attempt; False when somebody else already did."""
    return run_close(
        TrainingRun, run_id=run_id, attempt=attempt, status=status, code=code, message=message
    )


def training_reap(*, now: dt.datetime | None = None) -> int:
    """Deal with runs whose process died: queue them again while attempts are left, else fail them.
    Returns how many were dealt with. Safe to run at any time, any number of times."""
    running = TrainingRun.objects.filter(status=Status.RUNNING)
    message = _("The training process died without a word.")
    fresh = {"epoch": 0, "losses": []}
    return sum(
        run_reap(run, task=RUN_TASK, again=True, message=message, **fresh)
        for run in running
        if run_is_dead(run, now)
    )


def training_ring_again() -> int:
    """Ring the bell again for every queued run. A cluster that was killed may have pulled a message
    that comes back only hours later; delivered twice, a message is harmless."""
    waiting = list(TrainingRun.objects.filter(status=Status.QUEUED).values_list("pk", flat=True))
    for run_id in waiting:
        queue.enqueue(RUN_TASK, run_id)
    return len(waiting)
