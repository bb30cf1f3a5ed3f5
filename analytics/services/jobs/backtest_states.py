"""The states of a backtest: cancelling, closing, and dealing with those whose process died."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from analytics import queue
from analytics.models import BacktestRun
from analytics.selectors.runs import backtest_get
from analytics.services.jobs.run_states import run_cancel, run_close, run_is_dead, run_reap

Status = BacktestRun.Status
BACKTEST_TASK = "analytics.tasks.run_backtest"


def backtest_cancel(*, run: BacktestRun, by: Any = None) -> BacktestRun:
    """Cancel a queued backtest at once; ask a running one to stop at its next step."""
    run_cancel(run, closed=_("Backtest %(id)s is already closed.") % {"id": run.pk})
    return backtest_get(run.pk)


def backtest_close(
    *, run_id: int, attempt: int, status: str, code: str = "", message: str = "", **facts: Any
) -> bool:
    """Close a backtest that is still running this attempt; False when it was closed meanwhile."""
    ended = {"status": status, "code": code, "message": message, **facts}
    return run_close(BacktestRun, run_id=run_id, attempt=attempt, **ended)


def backtest_reap(*, now: dt.datetime | None = None) -> int:
    """Deal with backtests whose process died, as training_reap does with trainings: the worker's
    are queued again while attempts are left, and go on where they were; others are failed."""
    # One that a command asked for is this process's own from the start, claimed or not.
    held = Q(status=Status.RUNNING) | Q(status=Status.QUEUED, by_worker=False)
    message = _("The process of the backtest died without a word.")
    return sum(
        run_reap(run, task=BACKTEST_TASK, again=run.by_worker, message=message)
        for run in BacktestRun.objects.filter(held)
        if run_is_dead(run, now)
    )


def backtest_ring_again() -> int:
    """Ring the bell again for every queued backtest of the worker's (see training_ring_again)."""
    queued = BacktestRun.objects.filter(status=Status.QUEUED, by_worker=True)
    waiting = list(queued.values_list("pk", flat=True))
    for run_id in waiting:
        queue.enqueue(BACKTEST_TASK, run_id)
    return len(waiting)
