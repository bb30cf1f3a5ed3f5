"""Child processes that do not outlive their parent.

Long work runs in a child of the worker's task: it has its own threads, gives its memory back and
can be killed at any instant.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from analytics.conf import conf
from analytics.models.run import Run
from analytics.services.alive import process_stat

_PR_SET_PDEATHSIG = 1


def child_run(
    *arguments: str,
    run: str,
    log: Path,
    time_limit: float,
    on_beat: Callable[[], object],
    on_timeout: Callable[[], object],
) -> int:
    """Run `manage.py ARGUMENTS...` to its end, calling `on_beat` every HEARTBEAT_SECONDS; answers
    its exit code. `run` is what every line of its log calls it. If this process is killed its child
    goes too. After `time_limit` seconds, or at the queue's own limit (which arrives as SystemExit),
    `on_timeout` closes the run while the child still lives, before anybody can reap it; then the
    child is killed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        child = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd=settings.BASE_DIR,
            env={**os.environ, **_child_settings(), "PARALELO_RUN": run},
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
        try:
            if not _ends_in_time(child, time_limit, on_beat):
                on_timeout()
        except SystemExit:
            on_timeout()
            raise
        finally:
            if child.poll() is None:
                child.kill()
            code = child.wait()
    return code


def _ends_in_time(
    child: subprocess.Popen[bytes], seconds: float, on_beat: Callable[[], object]
) -> bool:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            child.wait(timeout=min(conf().HEARTBEAT_SECONDS, left))
            return True
        except subprocess.TimeoutExpired:
            on_beat()
    return False


def _child_settings() -> dict[str, str]:
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


def die_with_parent(sent: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` that has the kernel send `sent` when the parent dies, however it dies. None
    where the kernel cannot (anything but Linux): there only an orderly end takes children along."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(sent))

    return ask


def group_start(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start `manage.py ARGUMENTS...` as the leader of its own session (see `stop_group`); it is
    asked to end when this process dies."""
    return subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )


def stop_group(process: subprocess.Popen[bytes], *, patience: float) -> None:
    """End a process that leads its own session, with all that it started: ask, wait, then kill."""
    for sent, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, sent)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            continue
    with contextlib.suppress(ProcessLookupError):
        # The leader is gone, but a training it started may still be there.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


#: Seconds by which a process may seem to start too late: clocks tick, and are set.
_SLACK = 5.0


def process_exists(pid: int | None, *, since: dt.datetime | None = None) -> bool:
    """Whether a process of that number is alive on this machine (a zombie is not), and was at
    `since` already."""
    stat = None if pid is None else process_stat(pid)
    if stat is None:
        return False
    try:
        up = float(Path("/proc/uptime").read_text().split()[0])
        age = up - int(stat[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return True
    return since is None or time.time() - age < since.timestamp() + _SLACK


def this_process() -> dict[str, Any]:
    """This process, as the one to look for when the run seems dead."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "heartbeat_at": timezone.now()}


def process_gone(run: Run) -> bool:
    """Whether the process that had the run was on this machine and is no more. One that started
    after the run's last sign of life only has its number (after a restart, numbers come again)."""
    here = run.host == socket.gethostname()
    return here and not process_exists(run.pid, since=run.heartbeat_at)
