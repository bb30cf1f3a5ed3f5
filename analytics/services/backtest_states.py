"""The states of a backtest: cancelling, closing, and dealing with those whose process died."""

from __future__ import annotations

import datetime as dt
import os
import socket
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics import queue
from analytics.conf import conf
from analytics.exceptions import Conflict
from analytics.models import BacktestRun
from analytics.selectors.runs import backtest_get
from analytics.services.processes import process_exists

Status = BacktestRun.Status
BACKTEST_TASK = "analytics.tasks.run_backtest"


def here() -> dict[str, Any]:
    """This process, as the one to look for when the run seems dead."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "heartbeat_at": timezone.now()}


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
