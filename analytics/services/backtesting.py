"""Asking for a backtest, cancelling it, closing what died; services/backtest_runs.py does it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import re
import socket
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics import queue
from analytics.conf import conf
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import BacktestRun, Market, PriceHistory
from analytics.selectors.runs import backtest_get, backtest_list
from analytics.services.processes import process_exists
from analytics.services.training import history_span
from analytics.services.translate import ml_errors

Status = BacktestRun.Status
BACKTEST_TASK = "analytics.tasks.run_backtest"
_DAYS = re.compile(r"([1-9][0-9]{0,3})\s*d?")


def parse_days(text: str | None) -> dt.timedelta | None:
    """`30d` or `30` as a length of time; nothing as nothing."""
    if not text:
        return None
    found = _DAYS.fullmatch(str(text).strip())
    if found is None:
        raise InvalidInput(
            _("%(text)s is no number of days.") % {"text": repr(text)},
            "bad_config",
            {"refit_every": _("a number of days such as 30d")},
        )
    return dt.timedelta(days=int(found[1]))


def plan_make(
    *,
    task: str,
    start: dt.datetime,
    end: dt.datetime,
    step_minutes: int,
    refit_every: dt.timedelta | None = None,
    origin_step: int = 1,
    params: Mapping[str, Any] | None = None,
) -> ml.BacktestPlan:
    """A checked plan with the whole configuration; raises InvalidInput (bad_config)."""
    with ml_errors():
        plan = ml.BacktestPlan(
            task=ml.Task(task) if task in set(ml.Task) else task,
            start=start,
            end=end,
            step_minutes=step_minutes,
            refit_every=refit_every,
            origin_step=origin_step,
            params=params or {},
        )
        config = ml.make_config(ml.get_spec(str(plan.task)).config, plan.params)
    return dataclasses.replace(plan, params=vars(config))


def backtest_request(
    *,
    market: Market,
    task: str,
    start: dt.datetime,
    end: dt.datetime,
    refit_every: str | None = None,
    origin_step: int = 1,
    params: Mapping[str, Any] | None = None,
    step_minutes: int | None = None,
    requested_by: Any = None,
    enqueue: bool = True,
) -> BacktestRun:
    """Check what is asked for, insert a queued run and ring the queue's bell.

    Raises InvalidInput (bad_config, not_enough_data, no_history) or Conflict (backtest_open).
    """
    plan = plan_make(
        task=task,
        start=start,
        end=end,
        step_minutes=step_minutes or market.cadence_minutes,
        refit_every=parse_days(refit_every),
        origin_step=origin_step,
        params=params,
    )
    _refuse_without_history(market, plan)
    backtest_reap()
    try:
        with transaction.atomic():
            run = BacktestRun.objects.create(
                market=market,
                task=str(plan.task),
                start=plan.start,
                end=plan.end,
                step_minutes=plan.step_minutes,
                refit_every=plan.refit_every,
                origin_step=plan.origin_step,
                params=dict(plan.params),
                requested_by=requested_by,
                by_worker=enqueue,
                **({} if enqueue else here()),
            )
            if enqueue:
                queue.enqueue(BACKTEST_TASK, run.pk)
    except IntegrityError:
        raise _twin(market, task) from None
    return run


def here() -> dict[str, Any]:
    """This process, as the one to look for when the run seems dead."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "heartbeat_at": timezone.now()}


def _refuse_without_history(market: Market, plan: ml.BacktestPlan) -> None:
    before = plan.start - dt.timedelta(microseconds=1)
    history_span(market, before, needed=ml.get_spec(str(plan.task)).min_grid_rows)
    inside = PriceHistory.objects.filter(
        market=market, timestamp__gte=plan.start, timestamp__lte=plan.end
    )
    if not inside.exists():
        raise InvalidInput(
            _("%(market)s has no quotes in that window.") % {"market": market.symbol},
            "no_history",
            {"from": _("no quotes after it")},
        )


def _twin(market: Market, task: str) -> Conflict:
    twin = backtest_list().filter(market=market, task=task, status__in=BacktestRun.OPEN).first()
    return Conflict(
        _("A %(task)s backtest of %(market)s is already open.")
        % {"task": task, "market": market.symbol},
        "backtest_open",
        run_id=twin.pk if twin else None,
    )


def backtest_cancel(*, run: BacktestRun, by: Any = None) -> BacktestRun:
    """Cancel a queued backtest at once; ask a running one to stop at its next step."""
    queued = BacktestRun.objects.filter(pk=run.pk, status=Status.QUEUED)
    if not queued.update(
        status=Status.CANCELLED,
        cancel_requested=True,
        finished_at=timezone.now(),
        error_code="cancelled",
    ):
        running = BacktestRun.objects.filter(pk=run.pk, status=Status.RUNNING)
        if not running.update(cancel_requested=True):
            raise Conflict(
                _("Backtest %(id)s is already closed.") % {"id": run.pk},
                "run_closed",
                run_id=run.pk,
            )
    return backtest_get(run.pk)


def backtest_close(
    *, run_id: int, attempt: int, status: str, code: str = "", message: str = "", **facts: Any
) -> bool:
    """Close a backtest that is still running this attempt; False when it was closed meanwhile."""
    running = BacktestRun.objects.filter(pk=run_id, status=Status.RUNNING, attempts=attempt)
    return bool(
        running.update(
            status=status,
            error_code=code,
            error_message=message[:2000],
            eta_seconds=None,
            stage="",
            finished_at=timezone.now(),
            **facts,
        )
    )


def backtest_reap(*, now: dt.datetime | None = None) -> int:
    """Deal with backtests whose process died, as training_reap does with trainings: the worker's
    are queued again while attempts are left, and go on where they were; others are failed."""
    limit = (now or timezone.now()) - dt.timedelta(seconds=conf().REAP_AFTER)
    # One that a command asked for is this process's own from the start, claimed or not.
    held = Q(status=Status.RUNNING) | Q(status=Status.QUEUED, by_worker=False)
    runs = BacktestRun.objects.filter(held)
    return sum(_reap(run) for run in runs if run.heartbeat_at < limit or _is_gone(run))


def _is_gone(run: BacktestRun) -> bool:
    return run.host == socket.gethostname() and not process_exists(run.pid)


def _reap(run: BacktestRun) -> bool:
    # The heartbeat is part of the condition: a process that was only slow keeps its run.
    dead = BacktestRun.objects.filter(
        pk=run.pk, status=run.status, attempts=run.attempts, heartbeat_at=run.heartbeat_at
    )
    again = run.by_worker and run.attempts < conf().MAX_ATTEMPTS and not run.cancel_requested
    if not again:
        return bool(
            dead.update(
                status=Status.CANCELLED if run.cancel_requested else Status.FAILED,
                error_code="cancelled" if run.cancel_requested else "worker_died",
                error_message=_("The process of the backtest died without a word."),
                finished_at=timezone.now(),
                eta_seconds=None,
            )
        )
    with transaction.atomic():
        if not dead.update(status=Status.QUEUED, stage="", eta_seconds=None):
            return False
        queue.enqueue(BACKTEST_TASK, run.pk)
    return True


def backtest_ring_again() -> int:
    """Ring the bell again for every queued backtest of the worker's (see training_ring_again)."""
    queued = BacktestRun.objects.filter(status=Status.QUEUED, by_worker=True)
    waiting = list(queued.values_list("pk", flat=True))
    for run_id in waiting:
        queue.enqueue(BACKTEST_TASK, run_id)
    return len(waiting)
