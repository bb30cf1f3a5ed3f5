"""The life of a run, whatever its kind: requested, claimed, kept alive, cancelled, closed, reaped.

The row is the truth, the queue a doorbell. Every change is a compare-and-set on the row, so whoever
comes late changes nothing; every ending, whoever brings it about, publishes RunEnded.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics import events, queue
from analytics.conf import conf
from analytics.exceptions import Conflict
from analytics.models.run import Run
from analytics.services.failures import failure_of
from analytics.services.jobs.kinds import AnyKind, JobKind, ProgressT, RunT, job_kinds, kind_of
from analytics.services.jobs.processes import process_gone, this_process
from analytics.services.translate import from_ml

logger = logging.getLogger(__name__)
Status = Run.Status


def _row(run: Run, **as_it_was: Any) -> QuerySet[Any]:
    """The run, if it still is as it was."""
    return type(run)._default_manager.filter(pk=run.pk, **as_it_was)


# --------------------------------------------------------------------------------------- requested
def job_request(kind: JobKind[RunT, Any], *, enqueue: bool = True, **fields: Any) -> RunT:
    """Insert a queued run and ring the queue's bell; dead runs are dealt with before. Raises
    Conflict (the kind's twin_code, with the twin's run_id), and then leaves nothing behind."""
    job_reap(kind)
    try:
        with transaction.atomic():
            run = kind.model._default_manager.create(**fields)
            if enqueue:
                queue.enqueue(kind.task_path, run.pk)
    except IntegrityError:
        same = {name: fields[name] for name in kind.twin}
        twin = kind.runs.filter(status__in=Run.OPEN, **same).order_by("-pk").first()
        message = kind.messages.twin % same
        raise Conflict(message, kind.twin_code, run_id=twin.pk if twin else None) from None
    return run


# ------------------------------------------------------------------------------- the child's side
def job_execute(
    kind: JobKind[RunT, ProgressT],
    *,
    run_id: int,
    listener: Callable[[ProgressT], None] | None = None,
) -> RunT:
    """Do a queued run in this process. One that is not queued (delivered twice, cancelled) is left
    alone. Whatever ends the work, the run is closed; raises what the work raised."""
    run = _claim(kind, run_id)
    if run is not None:
        with _closing(run):
            kind.work(run, listener)
    return kind.get(run_id)


def _claim(kind: JobKind[RunT, Any], run_id: int) -> RunT | None:
    """Whoever turns QUEUED into RUNNING owns the attempt; it is counted before the work, because a
    process killed by the kernel counts nothing afterwards."""
    with transaction.atomic():
        claimed = kind.runs.filter(pk=run_id, status=Status.QUEUED).update(
            status=Status.RUNNING,
            attempts=F("attempts") + 1,
            started_at=timezone.now(),
            stage="starting",
            **this_process(),
        )
        if not claimed:
            return None
        # In the same transaction: who cannot read what it claimed has not claimed it.
        run = kind.get(run_id)
    if run.attempts <= conf().MAX_ATTEMPTS:
        return run
    too_often = str(kind.messages.too_often)
    job_close(run, status=Status.FAILED, code="too_many_attempts", message=too_often)
    return None


@contextmanager
def _closing(run: Run) -> Iterator[None]:
    """Whatever ends the work inside, the run is closed. One that was cancelled ends quietly; what
    `ml` refuses is raised in the product's own words."""
    try:
        yield
    except ml.Cancelled:
        job_close(run, status=Status.CANCELLED, code="cancelled")
    except ml.MLError as error:
        job_close(run, status=Status.FAILED, code=error.code, message=error.message)
        raise from_ml(error) from error
    except BaseException as error:
        failure = failure_of(error)
        job_fail(run, error)
        if failure is None or failure is error:
            raise
        raise failure from error


def job_fail(run: Run, error: BaseException) -> None:
    """Close a run that is still running this attempt as failed by `error`, also by what is no
    Exception (a timeout, a signal). Where even that cannot be written down it is reaped."""
    failure = failure_of(error)
    code, message = "interrupted", _("The process was stopped before it was done; ask again.")
    if isinstance(error, Exception):
        code, message = "internal", f"{type(error).__name__}: {error}"
    if failure is not None:
        code, message = failure.code, failure.message
    try:
        job_close(run, status=Status.FAILED, code=code, message=message)
    except DatabaseError as deaf:
        logger.error("run %s cannot be closed: %s", run.pk, deaf)


def job_not_begun(kind: AnyKind, run: Run, code: str, why: str) -> bool:
    """Close a queued run that no process could claim; False where somebody has claimed it since."""
    still = kind.runs.filter(pk=run.pk, status=Status.QUEUED, attempts=run.attempts)
    return _end(run, still, Status.FAILED, code, why)


def job_listener(
    run: Run,
    listener: Callable[[ProgressT], None] | None,
    facts: Callable[[ProgressT], Mapping[str, Any]],
    *,
    every: float = 0.0,
) -> Callable[[ProgressT], bool]:
    """What the work calls with its progress: it tells the listener, stores the fields that `facts`
    makes of it, with a heartbeat, at most once in `every` seconds, and answers False when the work
    is to stop."""
    mine = _row(run, status=Status.RUNNING, attempts=run.attempts)
    due = 0.0

    def report(progress: ProgressT) -> bool:
        nonlocal due
        if listener is not None:
            listener(progress)
        fields = facts(progress)
        if time.monotonic() < due:
            return True
        due = time.monotonic() + every
        mine.update(heartbeat_at=timezone.now(), **fields)
        return mine.filter(cancel_requested=False).exists()

    return report


# ------------------------------------------------------------------------------------------ ended
def job_close(run: Run, *, status: str, code: str = "", message: str = "", **facts: Any) -> bool:
    """Close a run that is still running this attempt, with further fields `facts`; False when
    somebody else already did."""
    mine = _row(run, status=Status.RUNNING, attempts=run.attempts)
    return _end(run, mine, status, code, message, stage="", **facts)


def _end(
    run: Run, still: QuerySet[Any], status: str, code: str, message: str = "", **facts: Any
) -> bool:
    """The only place that ends a run; False where the row is no longer as `still` says."""
    with transaction.atomic():
        ended = still.update(
            status=status,
            error_code=code,
            error_message=message[:2000],
            eta_seconds=None,
            finished_at=timezone.now(),
            **facts,
        )
        if ended:
            kind = kind_of(run).name
            events.publish(events.RunEnded(kind=kind, run_id=run.pk, status=str(status), code=code))
    return bool(ended)


def job_time_out(run: Run) -> bool:
    """Close an open run that took too long, claimed or not. The limit would be reached again: there
    is no second attempt."""
    kind = kind_of(run)
    message = kind.messages.too_long % {"n": kind.time_limit()}
    still = _row(run, status__in=Run.OPEN)
    return _end(run, still, Status.FAILED, "timeout", message, stage="")


def job_cancel(*, run: RunT, by: Any = None) -> RunT:
    """Cancel a queued run at once; ask a running one to stop at its next report. Raises Conflict
    (run_closed) where it is neither."""
    kind = kind_of(run)
    queued = _row(run, status=Status.QUEUED)
    at_once = _end(run, queued, Status.CANCELLED, "cancelled", cancel_requested=True)
    if not at_once and not _row(run, status=Status.RUNNING).update(cancel_requested=True):
        raise Conflict(kind.messages.closed % {"id": run.pk}, "run_closed", run_id=run.pk)
    logger.info("%s %s: cancelled by %s", kind.name, run.pk, by or "the server")
    return kind.get(run.pk)


def jobs_reap(*, now: dt.datetime | None = None) -> int:
    """Deal with the dead runs of every kind; see `job_reap`."""
    return sum(job_reap(kind, now=now) for kind in job_kinds())


def job_reap(kind: AnyKind, *, now: dt.datetime | None = None) -> int:
    """Deal with runs whose process died: the worker's are queued again while attempts are left,
    all others are failed. Answers how many were dealt with. Safe to run at any time, any number of
    times; what fails for one run (its subscribers, say) is logged and tried again next time."""
    # One that a command asked for is that process's own from the start, claimed or not.
    held = Q(status=Status.RUNNING) | Q(status=Status.QUEUED, by_worker=False)
    dealt_with = 0
    for run in kind.runs.filter(held):
        try:
            dealt_with += _is_dead(run, now) and _reap(kind, run)
        except Exception:
            logger.exception("%s %s cannot be reaped", kind.name, run.pk)
    return dealt_with


def _is_dead(run: Run, now: dt.datetime | None) -> bool:
    """Its process was here and is gone, or, wherever it was, its heartbeat is too old."""
    limit = (now or timezone.now()) - dt.timedelta(seconds=conf().REAP_AFTER)
    return run.heartbeat_at is None or run.heartbeat_at < limit or process_gone(run)


def _reap(kind: AnyKind, run: Run) -> bool:
    """False where the run moved meanwhile: the heartbeat is part of the condition, so that a
    process that was only slow keeps its run."""
    same = {name: getattr(run, name) for name in ("status", "attempts", "heartbeat_at")}
    dead, died = _row(run, **same), str(kind.messages.died)
    if run.cancel_requested:
        return _end(run, dead, Status.CANCELLED, "cancelled", died)
    if not run.by_worker or run.attempts >= conf().MAX_ATTEMPTS:
        return _end(run, dead, Status.FAILED, "worker_died", died)
    with transaction.atomic():
        if not dead.update(status=Status.QUEUED, stage="", eta_seconds=None, **kind.fresh):
            return False
        queue.enqueue(kind.task_path, run.pk)
    return True
