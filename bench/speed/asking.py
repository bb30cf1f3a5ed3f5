"""Clients of a server: some that ask as fast as they are answered, or a pace that does not wait."""

from __future__ import annotations

import http.client
import itertools
import queue
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

#: Threads that keep a pace; more requests than that at once wait, and the wait is counted.
ASKERS = 64


@dataclass(frozen=True)
class Question:
    """A request; without a body it is a GET."""

    path: str
    body: str = ""
    token: str = ""

    def ask(self, connection: http.client.HTTPConnection, status: int = 200) -> None:
        """Raises OSError or HTTPException where there is no answer, ValueError where it is none of
        success."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        connection.request("POST" if self.body else "GET", self.path, self.body or None, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != status:
            raise ValueError(f"{answer.status}: {text[:200]!r}")

    def send(self, port: int, status: int) -> None:
        """Ask once, for an answer of that status."""
        connection = _connect(port)
        self.ask(connection, status)
        connection.close()


@dataclass
class Answers:
    """Seconds of each answer, what went wrong, and how long it took in all."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    lasted: float = 0.0

    def quantile(self, share: float) -> float:
        """Milliseconds of the clock."""
        if len(self.seconds) < 2:
            return float("nan")
        cuts = statistics.quantiles(self.seconds, n=1000, method="inclusive")
        return 1e3 * cuts[min(998, round(share * 1000) - 1)]

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.lasted if self.lasted else float("nan")

    def note(
        self, since: float, question: Question, connection: http.client.HTTPConnection
    ) -> None:
        """Ask, and count from `since`."""
        try:
            question.ask(connection)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            connection.close()
        else:
            self.seconds.append(time.perf_counter() - since)


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def ask_on(port: int, question: Question, *, clients: int, seconds: float) -> Answers:
    """Each client asks again as soon as it has its answer."""
    found, began = Answers(), time.perf_counter()

    def client() -> None:
        connection = _connect(port)
        while (now := time.perf_counter()) < began + seconds:
            found.note(now, question, connection)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.lasted = time.perf_counter() - began
    return found


def ask_at(port: int, mix: Sequence[Question], *, per_second: float, seconds: float) -> Answers:
    """So many questions a second, whether or not the ones before are answered: an answer's time
    counts from when its question was due (no coordinated omission)."""
    found, began = Answers(), time.perf_counter()
    free: queue.SimpleQueue[http.client.HTTPConnection] = queue.SimpleQueue()
    for _asker in range(ASKERS):
        free.put(_connect(port))

    def one(due: float, question: Question) -> None:
        connection = free.get()
        found.note(due, question, connection)
        free.put(connection)

    with ThreadPoolExecutor(ASKERS) as askers:
        for due, question in zip(_due(began, per_second, seconds), itertools.cycle(mix)):
            time.sleep(max(0.0, due - time.perf_counter()))
            askers.submit(one, due, question)
    found.lasted = time.perf_counter() - began
    for _asker in range(ASKERS):
        free.get().close()
    return found


def _due(began: float, per_second: float, seconds: float) -> Iterator[float]:
    return (began + number / per_second for number in range(int(per_second * seconds)))
