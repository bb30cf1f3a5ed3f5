"""Real SIGKILLs: a child process does the work and kills itself before or after a named function,
or at the n-th call that Python makes. What it had written stays, as after a power cut."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.utils.module_loading import import_string


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], Any], prepare: Callable[[], None] = lambda: None) -> bool:
    """Do the work in a forked child with connections of its own; whether it was killed."""
    connections.close_all()
    child = os.fork()
    if not child:
        # Never back into the parent's stack: its fixtures are not ours to tear down.
        try:
            prepare()
            work()
        finally:
            sys.setprofile(None)
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def killed_at(work: Callable[[], Any], point: str, when: str) -> bool:
    """Kill the child `before` or `after` its first call of the function `point` (a dotted path of
    the name as its caller knows it)."""

    def arm() -> None:
        module, name = point.rsplit(".", 1)
        real = import_string(point)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if when == "before":
                _die()
            answer = real(*args, **kwargs)
            _die()
            return answer

        setattr(sys.modules[module], name, wrapped)

    return in_child(work, arm)


def _watched(hook: Callable[[Any, str, Any], None], within: str | None) -> Callable[[], None]:
    """Set the hook now, or while the function of that dotted path runs."""

    def arm() -> None:
        if within is None:
            sys.setprofile(hook)
            return
        module, name = within.rsplit(".", 1)
        real = import_string(within)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            sys.setprofile(hook)
            try:
                return real(*args, **kwargs)
            finally:
                sys.setprofile(None)

        setattr(sys.modules[module], name, wrapped)

    return arm


def calls_of(work: Callable[[], Any], within: str | None = None) -> int:
    """How many calls the work makes (in that function), counted in a child that lives."""
    out, into = os.pipe()
    count = 0

    def hook(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    def counted() -> None:
        work()
        sys.setprofile(None)
        os.write(into, str(count).encode())

    assert not in_child(counted, _watched(hook, within))
    os.close(into)
    with os.fdopen(out, "rb") as stream:
        return int(stream.read())


def killed_after(work: Callable[[], Any], calls: int, within: str | None = None) -> bool:
    """Kill the child at that call (of those in that function); False where it was done before."""
    left = calls

    def hook(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal left
        left -= event in ("call", "c_call")
        if left <= 0:
            _die()

    return in_child(work, _watched(hook, within))
