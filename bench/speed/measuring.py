"""How `make bench` measures and tells: seconds of the processor, beside a plain way of the same."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
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
    say(f"{name:<36}{times}   {against}")


def heading(ours: str = "ours", plain: str = "plain") -> None:
    """What stands above the lines."""
    say(f"{'':<36}{ours:>15}{plain:>15}{'ratio':>11}")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def told() -> list[dict[str, Any]]:
    """All lines, ready for JSON."""
    return [{**asdict(one), "ratio": one.plain / one.ours} for one in rows]


def machine() -> str:
    """What this ran on, and how busy it was."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    cores = f"{os.cpu_count()} cores, {platform.machine()}"
    return f"{cores}, Python {platform.python_version()}, load {load}"


def asks(description: str | None) -> argparse.ArgumentParser:
    """The parser of a bench, which may write a file."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n\n")[0])
    parser.add_argument("--json", metavar="FILE", help="write the lines there too")
    return parser


def write(path: str | None, lines: list[dict[str, Any]], unit: str) -> None:
    """Tell the machine, and write the lines where `--json` said."""
    say(machine())
    if path:
        found = {"machine": machine(), "unit": unit, "rows": lines}
        Path(path).write_text(json.dumps(found, indent=1) + "\n")
