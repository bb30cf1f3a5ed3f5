"""How fast a queue of many small trainings drains by 1 and by 2 places of the worker.

`python -m bench.speed.drain [--markets 40] [--places 1 2] [--broker redis://...] [--json FILE]`.
`train_all --task price --family dlinear` on that many small simulated markets, done by `run_worker`
as in production (a child process a run). The rate is runs over the clock's time from the first
that began to the last that ended; the ratio is to the rate of one place times the places. Both are
the clock's: on a machine with other work to do they say little, and on one with fewer cores than
places they cannot reach 1.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from typing import Any

from bench.speed import world
from bench.speed.measuring import asks, say, write

DAYS, FAMILY, TASK = 30, "dlinear", "price"
PATIENCE = 3600


@dataclass(frozen=True)
class Drained:
    """A line: seconds of the clock in all, runs a minute, seconds of a run, and the rate over that
    of one place times the places."""

    places: int
    runs: int
    failed: int
    seconds: float
    per_minute: float
    median_run: float
    ratio: float

    def tell(self) -> None:
        rates = f"{self.seconds:10.1f}{self.per_minute:12.1f}{self.median_run:12.1f}"
        say(f"{self.places:6d}{self.runs:6d}{self.failed:8d}{rates}{self.ratio:8.2f}")


HEAD = (
    f"{'places':>6}{'runs':>6}{'failed':>8}{'seconds':>10}{'a minute':>12}{'a run, s':>12}"
    f"{'ratio':>8}"
)


def markets(count: int) -> None:
    """So many that differ in seed and name."""
    import datetime as dt

    from django.utils import timezone

    from analytics.services.prices.simulation import price_simulate

    start = timezone.now() - dt.timedelta(days=DAYS + 1)
    for number in range(count):
        price_simulate(market=f"USDT/AAA@sim{number}", days=DAYS, start=start, seed=number)


def drain(places: int) -> list[Any]:
    """Ask for every training, then start a worker of so many places; the runs as they ended."""
    from analytics.models import TrainingRun
    from analytics.services.learning.fanning import trainings_request

    asked = trainings_request(tasks=[TASK], family=FAMILY)
    runs = TrainingRun.objects.filter(pk__in=[one.run_id for one in asked if one.run_id])
    limit = time.monotonic() + PATIENCE
    with world.process("manage.py", "run_worker", PARALELO_WORKERS=str(places)):
        while runs.filter(status__in=TrainingRun.OPEN).exists():
            if time.monotonic() > limit:
                raise TimeoutError("the queue does not drain")
            time.sleep(0.2)
    return list(runs)


def line_of(places: int, runs: list[Any], single: float | None) -> Drained:
    """`single` is the rate of one place, None where this is it."""
    begun = min(run.started_at for run in runs)
    seconds = (max(run.finished_at for run in runs) - begun).total_seconds()
    taken = sorted((run.finished_at - run.started_at).total_seconds() for run in runs)
    rate = 60 * len(runs) / seconds
    failed = sum(run.status != "succeeded" for run in runs)
    ratio = rate / places / (single or rate / places)
    return Drained(places, len(runs), failed, seconds, rate, taken[len(taken) // 2], ratio)


def main() -> None:
    parser = asks(__doc__)
    parser.add_argument("--markets", type=int, default=40)
    parser.add_argument("--places", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--broker", default="", help="as PARALELO_BROKER; the database unless given"
    )
    asked = parser.parse_args()
    os.environ["PARALELO_BROKER"] = asked.broker
    lines: list[Drained] = []
    with world.home():
        markets(asked.markets)
        say(HEAD)
        for places in asked.places:
            single = lines[0].per_minute / lines[0].places if lines else None
            lines.append(line_of(places, drain(places), single))
            lines[-1].tell()
    write(asked.json, [asdict(line) for line in lines], "see bench.speed.drain.Drained")


if __name__ == "__main__":
    main()
