"""The worker: a task does each run in a child process, and a supervisor starts the queue's cluster,
watches it, restarts it when it is wedged, and leaves signs of life in the database (a killed worker
can wedge django-q2 for good)."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import cast

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from analytics import queue
from analytics.conf import conf
from analytics.models import WorkerHeartbeat
from analytics.models.run import Run
from analytics.services.anomalies.watch import WATCH_TASK
from analytics.services.jobs.kinds import AnyKind, job_kinds
from analytics.services.jobs.lifecycle import job_reap, job_time_out, jobs_reap
from analytics.services.jobs.processes import child_run, die_with_parent, stop_group
from analytics.services.prices.freshness import MARKETS_TASK
from analytics.services.prices.uploads import UPLOADS_TASK

logger = logging.getLogger(__name__)
PING_TASK = "analytics.tasks.answer_ping"
SCORE_TASK = "analytics.tasks.score_forecasts"
#: Seconds that a ping may stay unanswered while a worker is free, before the cluster is restarted.
PING_PATIENCE = 120


# ------------------------------------------------------------------------------------------- tasks
def job_launch(kind: AnyKind, *, run_id: int) -> None:
    """Do a queued run in a child process, which claims it; here it is only kept alive."""
    running = kind.runs.filter(pk=run_id, status=Run.Status.RUNNING)
    try:
        child_run(
            kind.command,
            f"--run={run_id}",
            log=conf().logs / f"{kind.log_name}-{run_id}.log",
            time_limit=kind.time_limit(),
            on_beat=lambda: running.update(heartbeat_at=timezone.now()),
            on_timeout=lambda: job_time_out(kind.get(run_id)),
        )
    finally:
        # A child that was killed (out of memory, say) could not close its run itself.
        job_reap(kind)


def worker_answered(*, name: str) -> None:
    """A ping came through the queue: the cluster works."""
    WorkerHeartbeat.objects.filter(name=name).update(answered_at=timezone.now())


# -------------------------------------------------------------------------------------- supervisor
def jobs_ring_again() -> int:
    """Ring the bell again for every queued run of the worker's; answers how many. A cluster that
    was killed may have pulled a message that comes back only hours later; delivered twice, a
    message is harmless."""
    waiting = _of_worker(Run.Status.QUEUED)
    for kind, run_id in waiting:
        queue.enqueue(kind.task_path, run_id)
    return len(waiting)


def _of_worker(status: str) -> list[tuple[AnyKind, int]]:
    return [
        (kind, run.pk)
        for kind in job_kinds()
        for run in kind.runs.filter(status=status, by_worker=True).only("pk")
    ]


class WorkerSupervisor:
    """Runs `manage.py qcluster` until `stop` is set. One instance per process."""

    def __init__(self, stop: threading.Event, *, name: str | None = None) -> None:
        self.stop = stop
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.cluster: subprocess.Popen[bytes] | None = None
        self.pinged_at: dt.datetime | None = None

    def run(self) -> None:
        """Blocks until stopped. The cluster is gone when this returns, whatever happened."""
        self._introduce()
        queue.ensure_schedule("score forecasts", SCORE_TASK, minutes=30)
        queue.ensure_schedule("watch anomalies", WATCH_TASK, minutes=5)
        queue.ensure_schedule("watch markets", MARKETS_TASK, minutes=5)
        queue.ensure_schedule("sweep uploads", UPLOADS_TASK, minutes=60)
        try:
            self._start()
            while not self.stop.wait(conf().HEARTBEAT_SECONDS):
                self.beat()
        finally:
            if self.cluster is not None:
                # The process manager kills after five seconds: be done before.
                stop_group(self.cluster, patience=3.0)
            WorkerHeartbeat.objects.filter(name=self.name).delete()

    def beat(self) -> None:
        """One sign of life, one look at the cluster, one round of the reaper."""
        WorkerHeartbeat.objects.filter(name=self.name).update(seen_at=timezone.now())
        jobs_reap()
        if self.cluster is not None and self.cluster.poll() is not None:
            self._restart(f"the cluster ended with code {self.cluster.returncode}")
        elif self._wedged():
            self._restart("the cluster answers no task")

    def _introduce(self) -> None:
        now = timezone.now()
        limit = now - dt.timedelta(seconds=20 * conf().HEARTBEAT_SECONDS)
        WorkerHeartbeat.objects.filter(seen_at__lt=limit).delete()
        WorkerHeartbeat.objects.update_or_create(
            name=self.name,
            defaults={"pid": os.getpid(), "started_at": now, "seen_at": now},
        )
        threading.Thread(target=self._report_device, daemon=True).start()

    def _start(self) -> None:
        self.cluster = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster"],
            cwd=settings.BASE_DIR,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        self.pinged_at = None
        jobs_ring_again()

    def _restart(self, why: str) -> None:
        logger.error("worker %s: %s; restarting it", self.name, why)
        if self.cluster is not None:
            stop_group(self.cluster, patience=3.0)
        WorkerHeartbeat.objects.filter(name=self.name).update(restarts=F("restarts") + 1)
        self._start()

    def _wedged(self) -> bool:
        """Send a ping when the last one was answered; True when one is overdue although a worker
        should be free to answer it."""
        row = WorkerHeartbeat.objects.filter(name=self.name).first()
        now = timezone.now()
        answered_at = row.answered_at if row is not None else None
        answered = answered_at is not None and (self.pinged_at or now) <= answered_at
        if self.pinged_at is None or answered:
            self.pinged_at = now
            queue.enqueue(PING_TASK, self.name)
            return False
        if len(_of_worker(Run.Status.RUNNING)) >= cast(int, settings.Q_CLUSTER["workers"]):
            self.pinged_at = now  # nobody could answer: the wait starts when one is free again
            return False
        return (now - self.pinged_at).total_seconds() > PING_PATIENCE

    def _report_device(self) -> None:
        # In a process of its own: torch in this one would poison what is forked from it.
        try:
            done = subprocess.run(
                [sys.executable, str(settings.BASE_DIR / "manage.py"), "device_info", "--json"],
                cwd=settings.BASE_DIR,
                capture_output=True,
                timeout=120,
                check=True,
            )
            device = json.loads(done.stdout)
        except (subprocess.SubprocessError, ValueError, OSError) as error:
            device = {"error": str(error)}
        WorkerHeartbeat.objects.filter(name=self.name).update(device=device)
