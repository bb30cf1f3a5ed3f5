"""How `make bench` measures and tells: seconds of the processor, beside a plain way of the same."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line; seconds of the processor, this process and its threads."""

    name: str
    ours: float
    plain: float
    against: str


rows: list[Row] = []


def seconds(work: Callable[[], Any], *, runs: int = 5) -> float:
    """Median of some runs after one that does not count. Of the processor's time: other work on the
    machine changes the clock's by factors."""
    work()
    taken = []
    for _run in range(runs):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def row(name: str, ours: float, plain: float, against: str) -> None:
    """Keep a line, and print it."""
    rows.append(Row(name, ours, plain, against))
    times = f"{ours * 1e3:>12.3f} ms{plain * 1e3:>12.3f} ms{plain / ours:>9.2f} x"
    print(f"{name:<36}{times}   {against}", flush=True)


def told() -> list[dict[str, Any]]:
    """All lines, ready for JSON."""
    return [{**asdict(one), "ratio": one.plain / one.ours} for one in rows]
