"""The worker: a task does each run in a child process, and a supervisor starts the queue's
clusters, watches them, restarts one that is wedged, and leaves signs of life in the database (a
killed worker can wedge django-q2 for good)."""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
import subprocess
import threading
import time
from functools import partial

from django.db import close_old_connections
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics import queue
from analytics.conf import conf
from analytics.models import WorkerHeartbeat
from analytics.models.run import Run
from analytics.services.device import device_of_child
from analytics.services.failures import failure_of
from analytics.services.jobs.clusters import Cluster
from analytics.services.jobs.kinds import AnyKind, job_kinds
from analytics.services.jobs.leftovers import (
    DECIDE_TASK,
    folders_sweep,
    messages_sweep,
    versions_undecided,
)
from analytics.services.jobs.lifecycle import job_not_begun, job_reap, job_time_out, jobs_reap
from analytics.services.jobs.processes import child_run
from analytics.services.jobs.schedules import schedules_setup

logger = logging.getLogger(__name__)
#: Seconds after which a queued run without a message counts as forgotten.
PATIENCE = 120
#: Seconds between two rings for what was left waiting.
RING_EVERY = 300
#: Heartbeats without which a worker is gone; the same as the pages say.
MISSED = 4


# ------------------------------------------------------------------------------------------- tasks
def job_launch(kind: AnyKind, *, run_id: int) -> None:
    """Do a queued run in a child process, which claims it; here it is only kept alive."""
    queued = kind.runs.filter(pk=run_id, status=Run.Status.QUEUED).first()
    if queued is None:
        return  # delivered twice, or cancelled: no child is needed to find that out
    running = kind.runs.filter(pk=run_id, status=Run.Status.RUNNING)
    log = conf().logs / f"{kind.log_name}-{run_id}.log"
    try:
        ended = child_run(
            kind.command,
            f"--run={run_id}",
            run=f"{kind.name}-{run_id}",
            log=log,
            time_limit=kind.time_limit(),
            on_beat=lambda: running.update(heartbeat_at=timezone.now()),
            on_timeout=lambda: job_time_out(kind.get(run_id)),
        )
        if ended:
            why = _("The process ended with code %(code)s before it began; see %(log)s.")
            job_not_begun(kind, queued, "not_begun", why % {"code": ended, "log": log.name})
    except OSError as error:
        # No log can be written, no process started: it will be no better next time.
        failure = failure_of(error) or error
        job_not_begun(kind, queued, getattr(failure, "code", "internal"), str(failure))
        logger.error("%s %s: %s", kind.name, run_id, failure)
    finally:
        # A child that was killed (out of memory, say) could not close its run itself.
        job_reap(kind)


def worker_answered(*, name: str) -> None:
    """A ping came through the queue: the cluster works."""
    WorkerHeartbeat.objects.filter(name=name).update(answered_at=timezone.now())


# -------------------------------------------------------------------------------------- supervisor
def jobs_ring_again(*, asked_before: dt.datetime | None = None) -> int:
    """Ring the bell again for the queued runs of the worker's (that were asked for before, and of
    which no message waits or is in living hands); answers how many. A cluster that was killed may
    have pulled a message that comes back only hours later; delivered twice, a message is harmless.
    """
    calls = _calls_of_queued(asked_before)
    if not calls:
        return 0
    if asked_before is not None:
        calls = queue.untold(calls, gone=_hosts_gone())
    elif not queue.takes(calls):
        return 0
    for path, *ids in calls:
        queue.enqueue(path, *ids)
    return len(calls)


def _calls_of_queued(asked_before: dt.datetime | None) -> list[queue.Call]:
    asked = {} if asked_before is None else {"created_at__lt": asked_before}
    return [
        (kind.task_path, run_id)
        for kind in job_kinds()
        for run_id in kind.runs.filter(status=Run.Status.QUEUED, by_worker=True, **asked)
        .order_by("pk")
        .values_list("pk", flat=True)
    ]


def _hosts_gone() -> dt.datetime | None:
    """What was pulled before may have been by a worker of another host that is gone: nobody starts
    it again there, and rings for that."""
    beat = dt.timedelta(seconds=conf().HEARTBEAT_SECONDS)
    silent = WorkerHeartbeat.objects.filter(seen_at__lt=timezone.now() - MISSED * beat)
    last = silent.aggregate(last=Max("seen_at"))["last"]
    return None if last is None else last + beat


class WorkerSupervisor:
    """Runs the queue's clusters until `stop` is set. One instance per process."""

    def __init__(self, stop: threading.Event, *, name: str | None = None) -> None:
        self.stop = stop
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.clusters = [
            Cluster(cluster, owner=self.name, is_busy=partial(_is_full, cluster, places))
            for cluster, places in queue.clusters().items()
        ]
        self.ring_at = 0.0

    def run(self) -> None:
        """Blocks until stopped. The clusters are gone when this returns, whatever happened."""
        self._introduce()
        schedules_setup()
        try:
            for cluster in self.clusters:
                cluster.start()
            queue.move_long()
            jobs_ring_again()
            while not self.stop.wait(conf().HEARTBEAT_SECONDS):
                self.beat()
        finally:
            for cluster in self.clusters:
                cluster.ask_to_stop()
            # The process manager kills after five seconds: be done before.
            patience = 3.0
            for cluster in self.clusters:
                cluster.stop(patience=patience)
                patience = 0.5

    def beat(self) -> None:
        """One sign of life, one look at the clusters, one round of the reaper and of what dead
        processes left behind. What fails (the database is away, the disk is full) is logged and
        tried again at the next beat."""
        for duty in (self._seen, jobs_reap, folders_sweep, messages_sweep, self._ring, self._look):
            try:
                duty()
            except Exception as error:
                logger.error("worker %s: %s: %s", self.name, type(error).__name__, error)
                close_old_connections()

    def _seen(self) -> None:
        self._rows().update(seen_at=timezone.now())

    def _rows(self) -> QuerySet[WorkerHeartbeat]:
        return WorkerHeartbeat.objects.filter(name__in=[one.row_name for one in self.clusters])

    def _ring(self) -> None:
        """Ring for what waits and may have no message: runs whose requester died before it began,
        versions that nobody decided on. Once in a while: each is done by the first that comes."""
        if time.monotonic() < self.ring_at:
            return
        lost = timezone.now() - dt.timedelta(seconds=PATIENCE)
        rung = jobs_ring_again(asked_before=lost)
        if versions_undecided() and not queue.is_told(DECIDE_TASK):
            queue.enqueue(DECIDE_TASK)
            rung += 1
        if rung:
            self.ring_at = time.monotonic() + RING_EVERY

    def _look(self) -> None:
        for cluster in self.clusters:
            if cluster.look() and cluster.name == queue.LONG:
                jobs_ring_again()

    def _introduce(self) -> None:
        limit = timezone.now() - dt.timedelta(seconds=20 * conf().HEARTBEAT_SECONDS)
        WorkerHeartbeat.objects.filter(seen_at__lt=limit).delete()
        for cluster in self.clusters:
            cluster.introduce()
        threading.Thread(target=self._report_device, daemon=True).start()

    def _report_device(self) -> None:
        try:
            device = device_of_child()
        except (subprocess.SubprocessError, ValueError, OSError) as error:
            device = {"error": str(error)}
        self._rows().update(device=device)


def _is_full(cluster: str, places: int) -> bool:
    """Whether runs fill every place of a cluster here; short tasks leave theirs soon."""
    here = {"status": Run.Status.RUNNING, "by_worker": True, "host": socket.gethostname()}
    taken = sum(kind.runs.filter(**here).count() for kind in job_kinds())
    return cluster == queue.LONG and taken >= places
