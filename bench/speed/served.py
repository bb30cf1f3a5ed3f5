"""What the web server answers in: predict-price from a posted sequence and from stored history, and
model-info, signed in by a token, at 1, 8 and 32 clients.

`python -m bench.speed.served [--clients 1 8 32] [--seconds 5] [--json FILE]`. The server is the
product's own process under production settings, over HTTP; clients are threads of this one, on the
same machine. Beside it, in the same run, a bare Django view that asks onnxruntime
(`bench.speed.bare`). Milliseconds and requests a second are the clock's, which other work on the
machine changes; processor time a request (the server's, all threads) is what the ratio is of.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.speed import world
from bench.speed.asking import Answers, Question, ask_on
from bench.speed.measuring import asks, say, write

API = "/api/v1/analytics"
PATIENCE = 120


@dataclass(frozen=True)
class Served:
    """A line: milliseconds of the clock, requests a second, processor milliseconds a request; the
    bare view's at as many clients; `ratio` of processor time."""

    name: str
    clients: int
    p50_ms: float
    p99_ms: float
    per_second: float
    cpu_ms: float
    errors: int
    bare_p50_ms: float
    bare_per_second: float
    bare_cpu_ms: float
    ratio: float

    def tell(self) -> None:
        name = f"{self.name}, {self.clients} client{'s' * (self.clients > 1)}"
        mine = f"{self.p50_ms:8.1f}{self.p99_ms:9.1f}{self.per_second:9.0f}{self.cpu_ms:8.2f}"
        bare = f"{self.bare_p50_ms:9.1f}{self.bare_per_second:9.0f}{self.bare_cpu_ms:8.2f}"
        say(f"{name:<36}{mine}{self.errors:7d}{bare}{self.ratio:7.1f}")


HEAD = (
    f"{'':<36}{'p50 ms':>8}{'p99 ms':>9}{'a second':>9}{'cpu ms':>8}{'errors':>7}"
    f"{'bare p50':>9}{'a second':>9}{'cpu ms':>8}{'ratio':>7}"
)


def ready(port: int, question: Question) -> None:
    """Ask until it is answered as it will be. Raises TimeoutError."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        if ask_on(port, question, clients=1, seconds=0.2).seconds:
            return
        time.sleep(0.2)
    raise TimeoutError(f"{question.path} is not answered")


def burdened(
    server: subprocess.Popen[bytes], port: int, question: Question, clients: int, seconds: float
) -> tuple[Answers, float]:
    """Answers, and milliseconds of the server's processor time each."""
    ready(port, question)
    began = world.cpu_seconds(server.pid)
    found = ask_on(port, question, clients=clients, seconds=seconds)
    spent = world.cpu_seconds(server.pid) - began
    return found, 1e3 * spent / max(len(found.seconds), 1)


def questions(market: Any) -> dict[str, Question]:
    """What is asked, by name."""
    key, stored = world.token(), json.dumps({"market": market.symbol})
    return {
        "predict-price, sequence": Question(f"{API}/dl/predict-price", world.sequence(market), key),
        "predict-price, stored history": Question(f"{API}/dl/predict-price", stored, key),
        "model-info": Question(f"{API}/dl/model-info", "", key),
    }


def measure(market: Any, clients: list[int], seconds: float) -> list[Served]:
    """Every question at every number of clients."""
    asked, lines = questions(market), list[Served]()
    body = asked["predict-price, sequence"].body
    rows = len(json.loads(body)["sequence"])
    ours, bare = world.free_port(), world.free_port()
    with (
        world.process("-m", "p2p.server", PORT=str(ours)) as server,
        world.process("-m", "bench.speed.bare", str(bare), str(rows)) as floor,
    ):
        for count in clients:
            plain, plain_ms = burdened(floor, bare, Question("/bare", body), count, seconds)
            for name, question in asked.items():
                found, cpu_ms = burdened(server, ours, question, count, seconds)
                line = Served(
                    name,
                    count,
                    found.quantile(0.5),
                    found.quantile(0.99),
                    found.rate,
                    cpu_ms,
                    len(found.errors),
                    plain.quantile(0.5),
                    plain.rate,
                    plain_ms,
                    cpu_ms / plain_ms,
                )
                line.tell()
                lines.append(line)
        say(f"web process with four models: {world.resident_mb(server.pid):.0f} MB resident")
    return lines


def check_seconds(runs: int = 3) -> float:
    """Median seconds of the processor of `manage.py check`."""
    command = [sys.executable, Path(__file__).resolve().parents[2] / "manage.py", "check"]
    taken = []
    for _run in range(runs):
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime)
    return statistics.median(taken)


def main() -> None:
    parser = asks(__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each line")
    asked = parser.parse_args()
    with world.home():
        market = world.simulated()
        world.learn(market)
        say(f"manage.py check: {check_seconds():.2f} s of the processor")
        say(HEAD)
        lines = measure(market, asked.clients, asked.seconds)
    write(asked.json, [asdict(line) for line in lines], "see bench.speed.served.Served")


if __name__ == "__main__":
    main()
