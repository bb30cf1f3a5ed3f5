"""The states of a run, be it a training or a backtest: claimed, closed, cancelled, found dead.

Every change is a compare-and-set on the row, so whoever comes late changes nothing.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

import ml
from analytics import queue
from analytics.conf import conf
from analytics.exceptions import Conflict
from analytics.models.run import Run
from analytics.services.jobs.processes import process_exists
from analytics.services.translate import from_ml

Status = Run.Status


def here() -> dict[str, Any]:
    """This process, as the one to look for when the run seems dead."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "heartbeat_at": timezone.now()}


def run_claim(kind: type[Run], run_id: int) -> bool:
    """Whoever turns QUEUED into RUNNING owns the attempt; it is counted before the work, because a
    process killed by the kernel counts nothing afterwards."""
    queued = kind.objects.filter(pk=run_id, status=Status.QUEUED)
    return bool(
        queued.update(
            status=Status.RUNNING,
            attempts=F("attempts") + 1,
            started_at=timezone.now(),
            stage="starting",
            **here(),
        )
    )


def run_close(
    kind: type[Run],
    *,
    run_id: int,
    attempt: int,
    status: str,
    code: str,
    message: str,
    **facts: Any,
) -> bool:
    """Close a run that is still running this attempt; False when somebody else already did."""
    running = kind.objects.filter(pk=run_id, status=Status.RUNNING, attempts=attempt)
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


@contextmanager
def closing(close: Callable[[str, str, str], object]) -> Iterator[None]:
    """Whatever ends the work inside, the run is closed by `close(status, code, message)`. One that
    was cancelled ends quietly; what `ml` refuses is raised in the product's own words."""
    try:
        yield
    except ml.Cancelled:
        close(Status.CANCELLED, "cancelled", "")
    except ml.MLError as error:
        close(Status.FAILED, error.code, error.message)
        raise from_ml(error) from error
    except BaseException as error:
        # Also what is no Exception: a timeout, a signal.
        code = "internal" if isinstance(error, Exception) else "interrupted"
        close(Status.FAILED, code, f"{type(error).__name__}: {error}")
        raise


def run_cancel(run: Run, *, closed: str) -> None:
    """Cancel a queued run at once, ask a running one to stop; raises Conflict (run_closed) with the
    message `closed` where it is neither."""
    queued = type(run).objects.filter(pk=run.pk, status=Status.QUEUED)
    if queued.update(
        status=Status.CANCELLED,
        cancel_requested=True,
        finished_at=timezone.now(),
        error_code="cancelled",
    ):
        return
    running = type(run).objects.filter(pk=run.pk, status=Status.RUNNING)
    if not running.update(cancel_requested=True):
        raise Conflict(closed, "run_closed", run_id=run.pk)


def run_is_dead(run: Run, now: dt.datetime | None = None) -> bool:
    """Its process was on this machine and is gone, or, wherever it was, its heartbeat is older than
    REAP_AFTER."""
    limit = (now or timezone.now()) - dt.timedelta(seconds=conf().REAP_AFTER)
    gone = run.host == socket.gethostname() and not process_exists(run.pid)
    return run.heartbeat_at < limit or gone


def run_reap(run: Run, *, task: str, again: bool, message: str, **fresh: Any) -> bool:
    """Queue a dead run again (with the fields `fresh`) while attempts are left and `again` allows
    it, else close it with `message`. False where it moved meanwhile: the heartbeat is part of the
    condition, so that a process that was only slow keeps its run."""
    dead = type(run).objects.filter(
        pk=run.pk, status=run.status, attempts=run.attempts, heartbeat_at=run.heartbeat_at
    )
    if not again or run.cancel_requested or run.attempts >= conf().MAX_ATTEMPTS:
        return bool(
            dead.update(
                status=Status.CANCELLED if run.cancel_requested else Status.FAILED,
                error_code="cancelled" if run.cancel_requested else "worker_died",
                error_message=message,
                finished_at=timezone.now(),
                eta_seconds=None,
            )
        )
    with transaction.atomic():
        if not dead.update(status=Status.QUEUED, stage="", eta_seconds=None, **fresh):
            return False
        queue.enqueue(task, run.pk)
    return True
