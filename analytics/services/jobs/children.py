"""Long work in a child process of the worker's task. A child has its own threads, gives its memory
back and can be killed at any instant; here it is only kept alive, and cleaned up after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from analytics.conf import conf
from analytics.services.jobs.processes import die_with_parent


def child_run(
    *arguments: str, log: Path, on_beat: Callable[[], object], on_timeout: Callable[[], object]
) -> None:
    """Run `manage.py ARGUMENTS...` to its end, calling `on_beat` every HEARTBEAT_SECONDS. If this
    process is killed its child goes too. The queue's time limit arrives as SystemExit: then
    `on_timeout` closes the run while its process still lives, before anybody can reap it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        child = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd=settings.BASE_DIR,
            env={**os.environ, **_thread_settings()},
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
        try:
            _watch(child, on_beat)
        except SystemExit:
            on_timeout()
            raise
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()


def _watch(child: subprocess.Popen[bytes], on_beat: Callable[[], object]) -> None:
    while True:
        try:
            child.wait(timeout=conf().HEARTBEAT_SECONDS)
            return
        except subprocess.TimeoutExpired:
            on_beat()


def _thread_settings() -> dict[str, str]:
    # Spinning OpenMP threads on a busy machine make training up to a hundred times slower.
    threads = str(conf().TRAIN_THREADS)
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        # The parent's settings module, so that a child of the tests works on the tests' database.
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "p2p.settings"),
    }
