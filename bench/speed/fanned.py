"""The same small backtests by the queue's worker and by Ray, on so many places of this machine.

`python -m bench.speed.fanned [--markets 6] [--places 2] [--json FILE]`. A line for each: seconds
of the clock from the command to the last run's end, of them those before the first run began (a
worker starts, or a cluster does), seconds of the processor of all processes, and the most memory
that those beside the runs' own had. Ratios are to the queue, in this one run: the clock's say
little on a machine with other work, the processor's and memory's do.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.speed import world
from bench.speed.drain import PATIENCE, markets
from bench.speed.measuring import asks, say, write

DAYS, FAMILY = 4, "dlinear"
PARAMS = {"epochs": 1, "members": 1}


@dataclass(frozen=True)
class Fanned:
    """A line; `cpu` and `memory` are of this process and all that it started."""

    engine: str
    runs: int
    failed: int
    seconds: float
    before: float
    cpu: float
    memory_mb: float

    def tell(self, first: Fanned) -> None:
        figures = (self.seconds, self.before, self.cpu, self.memory_mb)
        beside = (self.seconds / first.seconds, self.cpu / first.cpu)
        text = "".join(f"{one:12.1f}" for one in figures) + "{:11.2f}{:9.2f}".format(*beside)
        say(f"{self.engine:<8}{self.runs:6d}{self.failed:8d}{text}")


HEAD = (
    f"{'engine':<8}{'runs':>6}{'failed':>8}{'seconds':>12}{'before':>12}{'CPU s':>12}{'MB':>12}"
    f"{'seconds x':>11}{'CPU x':>9}"
)


# ------------------------------------------------------------------------------- what it costs
class Watched:
    """Looks at every process that descends from this one once a second: CPU time of each by its
    last sight, and the most memory (what is shared counted once) that all but this one and the
    runs' own had at the same time."""

    def __init__(self) -> None:
        self.cpu: dict[int, float] = {}
        self.memory = 0.0

    def look(self) -> None:
        memory = 0.0
        for pid, stat in _descendants():
            self.cpu[pid] = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes()
                share = re.search(
                    r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M
                )
            except OSError:
                continue
            if share and b"--run=" not in line and pid != os.getpid():
                memory += int(share[1]) * 1024 / 1e6
        self.memory = max(self.memory, memory)


def _descendants() -> Iterator[tuple[int, list[str]]]:
    stats = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stats[int(folder.name)] = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
    ours = {os.getpid()}
    grown = True
    while grown:
        more = {pid for pid, stat in stats.items() if int(stat[1]) in ours} - ours
        ours, grown = ours | more, bool(more)
    return ((pid, stats[pid]) for pid in ours if pid in stats)


@contextmanager
def watched() -> Iterator[Watched]:
    """Around whatever is measured."""
    found, done = Watched(), threading.Event()
    found.look()
    start = dict(found.cpu)

    def watch() -> None:
        while not done.wait(1.0):
            found.look()

    looker = threading.Thread(target=watch)
    looker.start()
    try:
        yield found
    finally:
        done.set()
        looker.join()
        found.look()
        found.cpu = {pid: cpu - start.get(pid, 0.0) for pid, cpu in found.cpu.items()}


# ------------------------------------------------------------------------------------ both ways
def by_queue(places: int) -> list[Any]:
    from analytics.models import BacktestRun

    runs = _asked(enqueue=True)
    waiting = BacktestRun.objects.filter(status__in=BacktestRun.OPEN)
    limit = time.monotonic() + PATIENCE
    with world.process("manage.py", "run_worker", PARALELO_WORKERS=str(places)):
        while waiting.exists():
            if time.monotonic() > limit:
                raise TimeoutError("the queue does not drain")
            time.sleep(0.2)
    return runs


def by_ray(places: int) -> list[Any]:
    """A cluster of this machine with so many CPUs: `ray.init` has as many as there are cores."""
    from analytics.services.jobs.backtests import BACKTEST
    from analytics.services.jobs.engines import RAY, engine_open

    with engine_open(RAY) as engine:
        if engine.places != places:
            raise SystemExit(f"Ray has {engine.places} places here: --places {engine.places}")
        runs = _asked(enqueue=False)
        engine.do(BACKTEST, runs)
    return runs


def _asked(*, enqueue: bool) -> list[Any]:
    """A backtest of the last days of every market."""
    import datetime as dt

    from django.utils import timezone

    from analytics.services.jobs.backtest_many import backtests_request

    end = timezone.now() - dt.timedelta(days=1)
    asked = backtests_request(
        task="price",
        windows=[(end - dt.timedelta(days=DAYS), end)],
        families=[FAMILY],
        enqueue=enqueue,
        origin_step=4,
        params=PARAMS,
    )
    return [one.run for one in asked if one.run is not None]


def measured(engine: str, work: Callable[[int], list[Any]], places: int) -> Fanned:
    """One way, from the command to the end of its last run."""
    from django.utils import timezone

    started = timezone.now()
    with watched() as cost:
        runs = work(places)
    for run in runs:
        run.refresh_from_db()
    begun = min(run.started_at for run in runs)
    return Fanned(
        engine=engine,
        runs=len(runs),
        failed=sum(run.status != "succeeded" for run in runs),
        seconds=(max(run.finished_at for run in runs) - started).total_seconds(),
        before=(begun - started).total_seconds(),
        cpu=sum(cost.cpu.values()),
        memory_mb=cost.memory,
    )


def main() -> None:
    parser = asks(__doc__)
    parser.add_argument("--markets", type=int, default=6)
    parser.add_argument("--places", type=int, default=2)
    asked = parser.parse_args()
    lines: list[Fanned] = []
    with world.home():
        markets(asked.markets)
        say(HEAD)
        for engine, work in (("queue", by_queue), ("ray", by_ray)):
            lines.append(measured(engine, work, asked.places))
            lines[-1].tell(lines[0])
    write(asked.json, [asdict(line) for line in lines], "see bench.speed.fanned.Fanned")


if __name__ == "__main__":
    main()
