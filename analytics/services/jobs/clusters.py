"""One of the queue's clusters as a child process: started, asked whether it still works, restarted.

A cluster works while pings come back through its own queue: that its processes exist says little (a
worker that was killed while it held the queue's lock leaves all others waiting for ever, and a
stopped one looks alive).
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable

from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics import queue
from analytics.conf import conf
from analytics.models import WorkerHeartbeat
from analytics.services.jobs.processes import group_start, stop_group

logger = logging.getLogger(__name__)
PING_TASK = "analytics.tasks.answer_ping"
#: Longest pause, in seconds, before a cluster that ends again and again is started once more.
LONGEST_PAUSE = 300.0


class Cluster:
    """A cluster of the supervisor `owner`. `is_busy` says that nobody in it could answer now."""

    def __init__(self, name: str, *, owner: str, is_busy: Callable[[], bool]) -> None:
        self.name = name
        self.row_name = f"{owner} {name}"
        self.is_busy = is_busy
        self.process: subprocess.Popen[bytes] | None = None
        self.pinged_at: dt.datetime | None = None
        self.tries = 0
        self.start_at = 0.0

    @property
    def rows(self) -> QuerySet[WorkerHeartbeat]:
        """Its heartbeat, if it still has one."""
        return WorkerHeartbeat.objects.filter(name=self.row_name)

    def introduce(self) -> None:
        """Make its row, or take over the one of a process of the same name."""
        now = timezone.now()
        seen = {"pid": os.getpid(), "started_at": now, "seen_at": now, "cluster": self.name}
        WorkerHeartbeat.objects.update_or_create(name=self.row_name, defaults=seen)

    def start(self) -> None:
        """Start its processes. Until a ping is answered, each further start waits longer."""
        self.process = group_start("qcluster", Q_CLUSTER_NAME=self.name)
        self.pinged_at = None
        pause = min(conf().HEARTBEAT_SECONDS * 2.0**self.tries, LONGEST_PAUSE)
        self.start_at = time.monotonic() + pause
        self.tries += 1

    def look(self) -> bool:
        """Restart it where it ended or answers nothing any more; whether it was started."""
        if self.process is None:
            return False  # it was never started
        if self.process.poll() is not None:
            if time.monotonic() < self.start_at:
                return False
            self._restart(_("it ended with code %(code)s") % {"code": self.process.returncode})
            return True
        if self._is_wedged():
            self._restart(_("it answered nothing for %(n)s s") % {"n": conf().WEDGED_AFTER})
            return True
        return False

    def ask_to_stop(self) -> None:
        """Send SIGTERM to all of its processes, and wait for none."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)

    def stop(self, *, patience: float) -> None:
        """End it with all that it started; its row goes too."""
        if self.process is not None:
            stop_group(self.process, patience=patience)
        self.rows.delete()

    def _restart(self, why: str) -> None:
        logger.error("cluster %s: %s; restarting it", self.row_name, why)
        if self.process is not None:
            stop_group(self.process, patience=3.0)
        told = {"restarted_at": timezone.now(), "restart_reason": why}
        self.rows.update(restarts=F("restarts") + 1, **told)
        self.start()

    def _is_wedged(self) -> bool:
        """Send a ping when the last one was answered; True when one is overdue although a worker
        should be free to answer it."""
        row = self.rows.first()
        now = timezone.now()
        answered_at = row.answered_at if row is not None else None
        answered = self.pinged_at is not None and answered_at is not None
        if answered and self.pinged_at <= answered_at:  # type: ignore[operator]
            self.tries = 0
            self.pinged_at = None
        if self.pinged_at is not None and not queue.is_there():
            self.pinged_at = None  # its broker is away, and may have lost the ping
            return False
        if self.pinged_at is None:
            self.pinged_at = now
            queue.enqueue_for(self.name, PING_TASK, self.row_name)
            return False
        if self.is_busy():
            self.pinged_at = now  # nobody could answer: the wait starts when one is free again
            return False
        return (now - self.pinged_at).total_seconds() > conf().WEDGED_AFTER
