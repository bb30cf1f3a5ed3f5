"""A temporary home and the processes that live in it; all of them are gone when the scene ends."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
#: Seconds until a process must have said that it is ready, and those it has to end.
START, END = 60.0, 10.0


class Broken(Exception):
    """Something without which nothing else can be shown did not happen."""


class Scene:
    """A context manager. The environment of this process is the scene's too while it lasts."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._running: dict[str, subprocess.Popen[str]] = {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        folder = tempfile.TemporaryDirectory(prefix="paralelo-live-", ignore_cleanup_errors=True)
        self.home = Path(self._stack.enter_context(folder))
        self._before = dict(os.environ)
        self._stack.callback(self._restore)
        for name in [name for name in os.environ if name.startswith("PARALELO_")]:
            del os.environ[name]
        os.environ.pop("DATABASE_URL", None)
        os.environ |= {
            "PARALELO_HOME": str(self.home),
            "PARALELO_ALLOW_PRIVATE_ADDRESSES": "1",
            "PARALELO_PUBLIC_URL": self.url,
            "PORT": str(self.port),
            "DJANGO_SETTINGS_MODULE": "p2p.settings",
            "OMP_WAIT_POLICY": "PASSIVE",
            "OMP_NUM_THREADS": "1",
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _restore(self) -> None:
        os.environ.clear()
        os.environ.update(self._before)

    def start(self, name: str, *arguments: str, ready: str = "") -> str:
        """Start `python ARGUMENTS...`; answers the line in which it says `ready`, if it is to say
        so. What it says otherwise goes into the scene's logs."""
        from analytics.services.jobs.processes import die_with_parent, stop_group

        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE if ready else log,
                stderr=log,
                text=True,
                # Ctrl-C is ours: the processes are ended one by one.
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        self._running[name] = process
        self._stack.callback(self._running.pop, name)
        if process.stdout is not None:
            self._stack.enter_context(process.stdout)
        self._stack.callback(stop_group, process, patience=END)
        return self._line(name, process, ready) if ready else ""

    def log(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def _line(self, name: str, process: subprocess.Popen[str], ready: str) -> str:
        assert process.stdout is not None
        deadline = time.monotonic() + START
        while (left := deadline - time.monotonic()) > 0:
            if select.select([process.stdout], [], [], left)[0]:
                line = process.stdout.readline()
                if ready in line:
                    return line
                if not line:
                    break
        raise Broken(f"{name} did not start:\n{self.tail(name)}")

    def tail(self, name: str, lines: int = 15) -> str:
        """The last lines of a process's log."""
        path = self.log(name)
        return "\n".join(path.read_text().splitlines()[-lines:]) if path.exists() else ""

    def tails(self) -> str:
        """The last lines of all logs, for whoever looks for what went wrong."""
        return "\n".join(f"{name}:\n{self.tail(name)}" for name in self._running)

    def errors(self) -> list[str]:
        """Lines of the logs that are errors: name and line."""
        return [
            f"{name}: {line}"
            for name in self._running
            if self.log(name).exists()
            for line in self.log(name).read_text().splitlines()
            if " ERROR " in line or line.startswith("Traceback")
        ]

    def look(self) -> None:
        """Raises Broken where a process has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise Broken(f"{name} ended with {process.returncode}:\n{self.tail(name)}")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
