"""Forecasts of many markets in one request, beside a request for each of them.

`python -m bench.speed.together [--markets 100] [--rounds 20] [--json FILE]`. The server is the
product's own process under production settings, over HTTP, signed in by a token; the client is
this process, on the same machine. A market is simulated and learnt from once, then copied. Told are
the clock's milliseconds, which other work on the machine changes, and those of the server's
processor: of the first request of the process, of the first after every market has a new quote, and
of requests while nothing changes.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import subprocess
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.speed import world
from bench.speed.asking import Question
from bench.speed.measuring import asks, say, write
from bench.speed.served import API, ready


@dataclass(frozen=True)
class Asked:
    """A line: medians in milliseconds, of a round that answers all markets."""

    name: str
    markets: int
    rounds: int
    clock_ms: float
    worst_ms: float
    cpu_ms: float

    def tell(self) -> None:
        times = f"{self.clock_ms:10.1f}{self.worst_ms:10.1f}{self.cpu_ms:10.1f}"
        say(f"{self.name:<44}{self.rounds:8d}{times}")


def timed(
    name: str,
    server: subprocess.Popen[bytes],
    port: int,
    questions: list[Question],
    markets: int,
    rounds: int,
) -> Asked:
    """A round is every question once, over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    clock, began = [], world.cpu_seconds(server.pid)
    for _round in range(rounds):
        started = time.perf_counter()
        for question in questions:
            question.ask(connection)
        clock.append(1e3 * (time.perf_counter() - started))
    spent = 1e3 * (world.cpu_seconds(server.pid) - began) / rounds
    connection.close()
    line = Asked(name, markets, rounds, median(clock), max(clock), spent)
    line.tell()
    return line


def quote_all(markets: list[Any]) -> None:
    """Each market's next quote, as it was a day earlier."""
    from analytics.models import PriceHistory

    columns = [column.name for column in PriceHistory.SCHEMA]
    for market in markets:
        quotes = PriceHistory.objects.filter(market=market).order_by("-timestamp")
        last, *_rest, before = quotes[:48]
        figures = {name: getattr(before, name) for name in columns}
        moment = last.timestamp + dt.timedelta(minutes=1)
        PriceHistory.objects.create(market=market, timestamp=moment, **figures)


def measure(markets: list[Any], rounds: int) -> list[Asked]:
    """All lines."""
    key, path, count = world.token(), f"{API}/dl/predict-price", len(markets)
    symbols = [market.symbol for market in markets]
    several = [Question(path, json.dumps({"markets": symbols}), key)]
    single = [Question(path, json.dumps({"market": symbol}), key) for symbol in symbols]
    port = world.free_port()
    with world.process("-m", "p2p.server", PORT=str(port)) as server:
        ready(port, Question(f"{API}/dl/predict-price", single[0].body, key))
        lines = [timed("in one, first of the process", server, port, several, count, 1)]
        quote_all(markets)
        lines.append(timed("in one, a new quote in each", server, port, several, count, 1))
        lines.append(timed("in one, nothing changed", server, port, several, count, rounds))
        lines.append(timed("one by one, nothing changed", server, port, single, count, 3))
        say(f"web process: {world.resident_mb(server.pid):.0f} MB resident")
    return lines


def main() -> None:
    parser = asks(__doc__)
    parser.add_argument("--markets", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    with world.home():
        first = world.simulated()
        world.learn(first, ["price"])
        markets = [first, *world.copies(first, asked.markets - 1, 1)]
        say(f"{asked.markets} markets{'rounds':>43}{'p50 ms':>10}{'worst':>10}{'cpu ms':>10}")
        lines = measure(markets, asked.rounds)
    write(asked.json, [asdict(line) for line in lines], "see bench.speed.together.Asked")


if __name__ == "__main__":
    main()
