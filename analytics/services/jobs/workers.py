"""The supervisor of the queue's cluster: it starts it, watches it, restarts it when it is wedged,
and leaves signs of life in the database (FACTS: a killed worker can wedge django-q2 for good)."""

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
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from analytics import queue
from analytics.conf import conf
from analytics.models import BacktestRun, TrainingRun, WorkerHeartbeat
from analytics.services.anomalies.watch import WATCH_TASK
from analytics.services.jobs.backtest_states import backtest_reap, backtest_ring_again
from analytics.services.jobs.processes import die_with_parent, stop_group
from analytics.services.jobs.training import training_reap, training_ring_again

logger = logging.getLogger(__name__)
PING_TASK = "analytics.tasks.answer_ping"
SCORE_TASK = "analytics.tasks.score_forecasts"
#: Seconds that a ping may stay unanswered while a worker is free, before the cluster is restarted.
PING_PATIENCE = 120


def worker_answered(*, name: str) -> None:
    """A ping came through the queue: the cluster works."""
    WorkerHeartbeat.objects.filter(name=name).update(answered_at=timezone.now())


class WorkerSupervisor:
    """Runs `manage.py qcluster` until `stop` is set. One instance per process."""

    def __init__(self, stop: threading.Event, *, name: str | None = None) -> None:
        self.stop = stop
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.cluster: subprocess.Popen[bytes] | None = None
        self.pinged_at: Any = None

    def run(self) -> None:
        """Blocks until stopped. The cluster is gone when this returns, whatever happened."""
        self._introduce()
        queue.ensure_schedule("score forecasts", SCORE_TASK, minutes=30)
        queue.ensure_schedule("watch anomalies", WATCH_TASK, minutes=5)
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
        training_reap()
        backtest_reap()
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
        training_ring_again()
        backtest_ring_again()

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
        answered = row is not None and row.answered_at is not None
        if self.pinged_at is None or (answered and row.answered_at >= self.pinged_at):
            self.pinged_at = now
            queue.enqueue(PING_TASK, self.name)
            return False
        busy = TrainingRun.objects.filter(status=TrainingRun.Status.RUNNING).count()
        backtests = BacktestRun.objects.filter(status=BacktestRun.Status.RUNNING)
        busy += backtests.filter(by_worker=True).count()
        if busy >= settings.Q_CLUSTER["workers"]:
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
