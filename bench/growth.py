# ruff: noqa: S608  (the SQL is all our own)
"""`python -m bench.growth [--quotes 10000 1000000 10000000] [--home FOLDER]`: what must cost as
much however many quotes are stored: forecasts, the newest price, a row's scan, pages, admin lists.

A market of half-hours is simulated and learnt from once (one epoch), or taken from `--home` (its
database is changed). Then its past is filled up to each number of quotes, at even steps before its
first one; what the calls look at stays the same. Told are milliseconds of the processor, medians:
of this process, and on PostgreSQL (DATABASE_URL, on this host) of the connection's own process too.
The last column is the largest ratio to the smallest table; the aim is 1.3. Minutes lie between the
sizes, in which a busy machine changes its pace by more than that: so each round is told by the pace
of the same arithmetic beside it, in milliseconds of the run's first one.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from bench.common import database_seconds
from bench.speed.measuring import machine
from bench.speed.world import production

TASKS = ("price", "anomaly")
DAYS = 180
#: Before the first simulated quote the past reaches back to here, whatever its number of quotes.
SINCE = dt.datetime(2012, 1, 1, tzinfo=dt.UTC)
_API = "/api/v1/analytics"


def main() -> None:
    parser = argparse.ArgumentParser(description="Costs by the number of stored quotes.")
    parser.add_argument("--quotes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--home", help="folder that is kept: what was learnt is used again")
    asked = parser.parse_args()
    home = asked.home or tempfile.mkdtemp(prefix="paralelo-growth-")
    production(home, database=os.environ.get("DATABASE_URL"))
    try:
        _measure(sorted(asked.quotes), asked.rounds)
    finally:
        if not asked.home:
            shutil.rmtree(home, ignore_errors=True)


def _measure(sizes: list[int], rounds: int) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    market = _learnt()
    _say(f"the same arithmetic: {1000 * _pace():.2f} ms; {machine()}")
    found: dict[str, list[float]] = {}
    for call in _calls(market).values():  # what a young process learns is no smaller table's fault
        _cost(call, 3 * rounds)
    for size in sizes:
        _say(f"{_filled(market, size, sizes[-1])} quotes")
        for name, call in _calls(market).items():
            found.setdefault(name, []).append(_cost(call, rounds))
            _say(f"  {name:24s} {found[name][-1]:8.2f} ms")
    _say("\n" + "".join(f"{size:>12,d}" for size in sizes) + "       ratio")
    _say(machine())
    for name, costs in found.items():
        _say("".join(f"{cost:12.2f}" for cost in costs) + f"{max(costs) / costs[0]:12.2f}  {name}")


# ------------------------------------------------------------------------------------- the market
def _learnt() -> Any:
    """A market of half-hours with a version of each task."""
    from analytics.models import Market, TrainedModel
    from analytics.services.jobs.lifecycle import job_execute
    from analytics.services.jobs.training import TRAINING, training_request
    from analytics.services.prices.simulation import price_simulate

    active = TrainedModel.objects.filter(status="active", task__in=TASKS)
    if active.count() == len(TASKS):
        return active[0].market
    market = Market.objects.first() or price_simulate(market="USDT/AAA@sim0", days=DAYS)
    for task in TASKS:
        run = training_request(market=market, task=task, params={"epochs": 1}, enqueue=False)
        job_execute(TRAINING, run_id=run.pk)
    TrainedModel.objects.filter(status="candidate").update(status="active")
    return market


def _filled(market: Any, size: int, most: int) -> int:
    """Put quotes before the first one until there are `size`; how many there are."""
    from django.db import connection

    from analytics.models import Market, PriceHistory

    quotes = PriceHistory.objects.filter(market=market)
    first, held = quotes.order_by("timestamp")[0].timestamp, quotes.count()
    if size > held:
        step = int((first - SINCE).total_seconds()) // (most - held)
        with connection.cursor() as cursor:
            cursor.execute(
                _FILL[connection.vendor],
                [size - held, market.pk, int(first.timestamp()), step],
            )
            cursor.execute("ANALYZE")
        moved = Market.objects.get(pk=market.pk)
        Market.objects.filter(pk=market.pk).update(
            revision=moved.revision + size - held, rewrites=moved.rewrites + 1
        )
    return quotes.count()


_FIGURES = "7 + (i * 7919 %% 1009) / 50000.0, 7.02 + (i * 7919 %% 1009) / 50000.0"
_INTO = 'INSERT INTO analytics_pricehistory (market_id, "timestamp", bid, ask)'
_FILL = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) "
    f"{_INTO} "
    f"SELECT %s, strftime('%%Y-%%m-%%d %%H:%%M:%%S', %s - i * %s, 'unixepoch'), {_FIGURES} FROM n",
    "postgresql": f"WITH n(i) AS (SELECT generate_series(1::bigint, %s)) {_INTO} "
    f"SELECT %s, to_timestamp(%s - i * %s), {_FIGURES} FROM n",
}  # fmt: skip


def _last(market: Any) -> dt.datetime:
    from analytics.services.prices.history import last_moment

    return last_moment(market)


# -------------------------------------------------------------------------------------- the calls
def _calls(market: Any) -> dict[str, Callable[[], Any]]:
    """What is asked, by what it is called."""
    from analytics.selectors import recent
    from analytics.services.forecasts import prediction

    client = _client()

    def get(address: str) -> Callable[[], Any]:
        return lambda: _good(client.get(address))

    def post(call: str, **body: Any) -> Callable[[], Any]:
        text = json.dumps({"market": market.symbol, **body})
        return lambda: _good(
            client.post(f"{_API}/dl/{call}", text, content_type="application/json")
        )

    def forget_all() -> None:
        prediction.newest.clear()
        recent.held_quotes.clear()

    predict, row = post("predict-price"), _last(market) - dt.timedelta(minutes=30)
    return {
        "forecast, as before": predict,
        "forecast, made anew": _anew(prediction.newest.clear, predict),
        "forecast, nothing kept": _anew(forget_all, predict),
        "newest price": get(f"{_API}/prices?market={market.pk}&page_size=1&ordering=-timestamp"),
        "markets with freshness": get(f"{_API}/markets"),
        "scan of the last row": post("detect-anomalies", **{"from": row.isoformat()}),
        "dashboard": get("/"),
        "page of the market": get(f"/markets/{market.pk}/"),
        "chart of the market": get(f"/markets/{market.pk}/chart/"),
        "admin: quotes": get("/admin/analytics/pricehistory/"),
        "admin: markets": get("/admin/analytics/market/"),
    }


def _anew(forget: Callable[[], None], call: Callable[[], Any]) -> Callable[[], Any]:
    def both() -> None:
        forget()
        call()

    return both


def _client() -> Any:
    """One that is signed in as staff."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    users = get_user_model().objects
    client = Client(SERVER_NAME="localhost")
    client.force_login(users.filter(username="bench").first() or users.create_superuser("bench"))
    return client


def _good(answer: Any) -> None:
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.status_code}: {answer.content[:500]!r}")


def _cost(call: Callable[[], Any], rounds: int) -> float:
    """Median milliseconds of the processor."""
    for _warm in range(3):
        call()
    spent = []
    for _round in range(rounds):
        before = _arithmetic()
        began = time.process_time() + database_seconds()
        call()
        taken = 1000 * (time.process_time() + database_seconds() - began)
        spent.append(taken * _pace() / ((before + _arithmetic()) / 2))
    return statistics.median(spent)


def _arithmetic() -> float:
    """Seconds of the processor of a work that is always the same."""
    began = time.process_time()
    text = json.dumps([{"number": number, "half": number / 2} for number in range(4000)])
    sum(row["half"] for row in json.loads(text))
    return time.process_time() - began


@cache
def _pace() -> float:
    """What it takes when the run begins."""
    return statistics.median(_arithmetic() for _round in range(21))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
