"""How the demo asks the server, and how it waits: for something that can be seen, until a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
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
    """What is left of the demo's time."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, at_most: float) -> float:
        return max(0.0, min(at_most, self._end - time.monotonic()))


def wait_for(scene: Scene, check: Callable[[], Any], *, seconds: float) -> Any:
    """What the check finds, once it finds something; None after so many seconds. Raises Broken
    where a process ends meanwhile."""
    found = race(scene, {"it": check}, seconds=seconds)
    return found["it"][0] if "it" in found else None


def race(
    scene: Scene, checks: Mapping[str, Callable[[], Any]], *, seconds: float
) -> dict[str, tuple[Any, float]]:
    """Name -> (what its check found, when: seconds since 1970), for those that found something
    in time."""
    found: dict[str, tuple[Any, float]] = {}
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while True:
        for name, check in checks.items():
            if name not in found and (seen := check()):
                found[name] = seen, time.time()
        if len(found) == len(checks) or time.monotonic() >= deadline:
            return found
        scene.look()
        pause.wait(LOOK)
