"""Run the background worker under its supervisor."""

from __future__ import annotations

import signal
import threading
from typing import Any

from analytics.management.base import FaceCommand
from analytics.services.jobs.workers import WorkerSupervisor


class Command(FaceCommand):
    help = "Start the queue's cluster, watch it, restart it when it hangs. Ctrl-C ends both."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        WorkerSupervisor(stop).run()
