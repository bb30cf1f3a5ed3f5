"""The web server under a steady pace of requests, quiet and while a training runs beside it.

`python -m bench.speed.load [--pace 50] [--seconds 40] [--json FILE]`. Two thirds ask predict-price
(from stored history, from a posted sequence), one third /healthz; signed in, over HTTP, by threads
of this process on the same machine. Times count from the moment when a request was due. The quiet
stretch is the baseline; then the worker trains a price model (as in production, in a child process
of its own), and the same pace is kept.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bench.speed import world
from bench.speed.asking import Question, ask_at
from bench.speed.measuring import asks, say, write
from bench.speed.served import API, questions, ready

#: More than will be needed: the training must outlast its stretch.
EPOCHS = 1000
PATIENCE = 180


@dataclass(frozen=True)
class Stretch:
    """A line: milliseconds and requests of the clock, processor milliseconds a request, memory of
    the web process in MB at its begin, its end and its most."""

    name: str
    pace: float
    answered: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_ms: float
    begin_mb: float
    end_mb: float
    most_mb: float

    def tell(self) -> None:
        clock = f"{self.pace:6.0f}{self.answered:10.1f}{self.p50_ms:9.1f}{self.p99_ms:9.1f}"
        rest = f"{self.errors:8d}{self.cpu_ms:9.2f}"
        memory = f"{self.begin_mb:9.0f}{self.end_mb:7.0f}{self.most_mb:7.0f}"
        say(f"{self.name:<24}{clock}{rest}{memory}")


HEAD = (
    f"{'':<24}{'pace':>6}{'answered':>10}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}{'cpu ms':>9}"
    f"{'MB from':>9}{'to':>7}{'most':>7}"
)


class _Memory(threading.Thread):
    """Looks at a process' memory four times a second until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.seen, self.ended = pid, [world.resident_mb(pid)], threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.25):
            self.seen.append(world.resident_mb(self.pid))


def stretch(name: str, pid: int, port: int, mix: list[Question], **pace: float) -> Stretch:
    """Keep a pace and look at what it costs the process."""
    memory, began = _Memory(pid), world.cpu_seconds(pid)
    memory.start()
    found = ask_at(port, mix, **pace)
    memory.ended.set()
    memory.join()
    spent = 1e3 * (world.cpu_seconds(pid) - began) / max(len(found.seconds), 1)
    line = Stretch(
        name,
        pace["per_second"],
        found.rate,
        found.quantile(0.5),
        found.quantile(0.99),
        len(found.errors),
        spent,
        memory.seen[0],
        memory.seen[-1],
        max(memory.seen),
    )
    line.tell()
    for error in sorted(set(found.errors))[:3]:
        say(f"  {error}")
    return line


def wait(what: Callable[[], bool], why: str) -> None:
    """Raises TimeoutError with `why`."""
    limit = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > limit:
            raise TimeoutError(why)
        time.sleep(0.2)


def measure(market: Any, pace: dict[str, float]) -> list[Stretch]:
    from analytics.models import TrainingRun

    asked = questions(market)
    mix = [
        asked["predict-price, stored history"],
        asked["predict-price, sequence"],
        Question("/healthz"),
    ]
    port = world.free_port()
    train = Question(
        f"{API}/dl/train-price-predictor",
        json.dumps({"market": market.symbol, "epochs": EPOCHS, "patience": EPOCHS}),
        world.token(staff=True),
    )
    with world.process("-m", "p2p.server", PORT=str(port)) as server:
        for question in mix:
            ready(port, question)
        lines = [stretch("quiet", server.pid, port, mix, **pace)]
        with world.process("manage.py", "run_worker"):
            running = TrainingRun.objects.filter(status="running", epoch__gte=1)
            train.send(port, 202)
            wait(running.exists, "no training began")
            lines.append(stretch("while a training runs", server.pid, port, mix, **pace))
            if not running.exists():
                raise RuntimeError("the training ended before the stretch did")
    return lines


def main() -> None:
    parser = asks(__doc__)
    parser.add_argument("--pace", type=float, default=50.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=40.0, help="of each stretch")
    asked = parser.parse_args()
    with world.home():
        market = world.simulated()
        world.learn(market)
        say(HEAD)
        lines = measure(market, {"per_second": asked.pace, "seconds": asked.seconds})
    write(asked.json, [asdict(line) for line in lines], "see bench.speed.load.Stretch")


if __name__ == "__main__":
    main()
