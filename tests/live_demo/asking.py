"""How the demo asks the server, and how it waits: for something that can be seen, until a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from tests.live_demo.scene import Broken, Scene

API = "/api/v1/analytics"
#: Seconds between two looks. What is looked at changes in other processes: it wakes nobody here.
LOOK = 0.1


class Server:
    """The web server, as any client sees it."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def api(self, method: str, address: str, body: Any = None) -> Any:
        """The answer's JSON. Raises Broken where the server refused."""
        answer = self._http.request(method, f"{API}/{address}", json=body)
        if answer.is_error:
            raise Broken(f"{method} {address}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def rows(self, address: str) -> list[dict[str, Any]]:
        """Rows of a list."""
        found: list[dict[str, Any]] = self.api("GET", address)["results"]
        return found

    def page(self, address: str) -> str:
        """A page's text; empty where there is none."""
        answer = self._http.get(address)
        return "" if answer.is_error else answer.text

    def ready(self) -> dict[str, Any]:
        """What /readyz says."""
        found: dict[str, Any] = self._http.get("/readyz").json()
        return found


class Clock:
    """The demo's time: so many seconds in all, of which one wait may take half at most."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def patience(self) -> float:
        """Seconds that the next wait may take."""
        return max(0.0, min(self._seconds / 2, self._end - time.monotonic()))


def wait_for(scene: Scene, check: Callable[[], Any], *, seconds: float) -> Any:
    """What the check finds, once it finds something; None after so many seconds. Raises Broken
    where a process ends meanwhile."""
    return next((seen for _it, seen, _at in race(scene, {"it": check}, seconds=seconds)), None)


def race(
    scene: Scene, checks: Mapping[str, Callable[[], Any]], *, seconds: float
) -> Iterator[tuple[str, Any, float]]:
    """(name, what its check found, when: seconds since 1970) as they come, until all were found or
    so many seconds have passed. Raises Broken where a process ends meanwhile."""
    left = dict(checks)
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while left:
        for name, check in tuple(left.items()):
            if seen := check():
                del left[name]
                yield name, seen, time.time()
        if not left or time.monotonic() >= deadline:
            return
        scene.look()
        pause.wait(LOOK)
