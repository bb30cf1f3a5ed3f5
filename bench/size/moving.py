# ruff: noqa: S608  (the SQL is all our own)
"""`python -m bench.size.moving [--quotes 1000000] [--markets 20] [--years 2]`: the recipe of
deploy/by_month/, step by step, while quotes are written.

The empty database that DATABASE_URL names is filled; then one thread adds quotes one by one, one
corrects and adds old ones, one deletes old ones, all by the product's own ways, until the recipe is
done: to the table by month, back to the one table, and to months again. Told are the seconds of
each step, what the writers did and waited for at most, and whether the two tables are the same.
"""

from __future__ import annotations

import argparse
import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.size.database import migrated
from bench.speed.measuring import asks, machine, say

RECIPE = Path(__file__).parents[2] / "deploy" / "by_month"
#: In the order in which the recipe is tried.
STEPS = ("1-prepare", "2-copy", "3-check", "4-swap", "back", "4-swap", "5-end")
#: How often a step is tried.
TRIES = 10


class Writer(threading.Thread):
    """Does the same again and again until it is told to stop; the seconds of each turn."""

    def __init__(self, name: str, work: Callable[[int], Any]) -> None:
        super().__init__(name=name, daemon=True)
        self.work, self.done = work, threading.Event()
        self.seconds: list[float] = []
        self.problems: list[str] = []

    def run(self) -> None:
        from django.db import connection

        while not self.done.is_set():
            began = time.perf_counter()
            try:
                self.work(len(self.seconds))
            except Exception as problem:  # whatever it is, it is told
                self.problems.append(f"{type(problem).__name__}: {problem}"[:300])
            self.seconds.append(time.perf_counter() - began)
            time.sleep(0.01)
        connection.close()


def main() -> None:
    parser = asks(__doc__)
    parser.add_argument("--quotes", type=int, default=1_000_000)
    parser.add_argument("--markets", type=int, default=20)
    parser.add_argument("--years", type=float, default=2.0)
    asked = parser.parse_args()
    with migrated(parser):
        moved(_filled(asked))
    say(machine())


def _filled(asked: argparse.Namespace) -> Any:
    from analytics.models import Market
    from bench.size import tables

    markets = [
        Market.objects.create(asset="USDT", fiat="AAA", exchange=f"size{number}")
        for number in range(asked.markets)
    ]
    end = dt.datetime.now(dt.UTC) - dt.timedelta(days=2)
    keys = [market.pk for market in markets]
    plan = tables.planned(keys, asked.quotes, asked.years, end)
    tables.fill(tables.VARIANTS[0], plan)
    return plan


def moved(plan: Any, steps: Sequence[str] = STEPS) -> list[Writer]:
    """The recipe, with writers beside it; raises where the tables differ."""
    writers = _writers(plan)
    for writer in writers:
        writer.start()
    time.sleep(1)
    try:
        for step in steps:
            if step == "5-end":  # the other table was kept in step to the end
                _same("analytics_pricehistory", "quotes_in_one")
            _step(step)
            time.sleep(1)
    finally:
        for writer in writers:
            writer.done.set()
        for writer in writers:
            writer.join()
    for writer in writers:
        worst = 1e3 * max(writer.seconds)
        say(f"  {writer.name}: {len(writer.seconds)} times, {worst:.0f} ms at most")
        for problem in set(writer.problems):
            say(f"    {writer.problems.count(problem)} times: {problem}")
    return writers


def _step(name: str) -> None:
    """One file of the recipe; what `3-check` finds is wrong."""
    from bench.size import statements

    began = time.perf_counter()
    sql = (RECIPE / f"{name}.sql").read_text()
    if name == "3-check":
        statements.run("ANALYZE quotes_by_month")
        if differing := statements.rows(sql):
            raise RuntimeError(f"Months that differ: {differing}")
    else:
        _tried(sql)
    say(f"  {name}: {time.perf_counter() - began:.2f} s")


def _tried(sql: str) -> None:
    """Once more where a lock was not to be had in time, as the recipe says."""
    from django.db import OperationalError

    from bench.size import statements

    for left in reversed(range(TRIES)):
        try:
            return statements.run(sql)
        except OperationalError as problem:
            statements.run("ROLLBACK")
            if not left:
                raise
            say(f"    once more: {problem}".rstrip())


def _same(one: str, other: str) -> None:
    """As of one moment: a statement sees one."""
    from bench.size import statements

    ((count, more, less),) = statements.rows(
        f"SELECT (SELECT count(*) FROM {one}), "
        f"(SELECT count(*) FROM (TABLE {one} EXCEPT TABLE {other}) q), "
        f"(SELECT count(*) FROM (TABLE {other} EXCEPT TABLE {one}) q)"
    )
    if more or less:
        raise RuntimeError(f"{more} rows are only in {one}, {less} only in {other}.")
    say(f"  {count} quotes, the same in both tables")


def _writers(plan: Any) -> list[Writer]:
    from analytics.models import Market, PriceHistory
    from analytics.services.prices.deleting import prices_delete
    from analytics.services.prices.storing import FIGURES, rows_store

    count = len(plan.markets)

    def add(turn: int) -> None:
        at = plan.end + dt.timedelta(seconds=1 + turn // count)
        PriceHistory(market_id=plan.markets[turn % count], timestamp=at, bid=9.0, ask=9.1).save()

    def correct(turn: int) -> None:
        import pandas as pd

        ticks = [(turn * 7919 + k * 101) % plan.ticks for k in range(50)]
        moments = {plan.moment(t, turn % count) + dt.timedelta(seconds=turn % 3) for t in ticks}
        figures = {**dict.fromkeys(FIGURES, float("nan")), "bid": 8.0 + turn % 10, "ask": 19.0}
        chunk = {"market_id": plan.markets[turn % count], "timestamp": sorted(moments), **figures}
        frame = pd.DataFrame(chunk)
        frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
        rows_store(frame)

    def remove(turn: int) -> None:
        m = (turn * 3) % count
        begin = plan.moment((turn * 104_729) % plan.ticks, m)
        market = Market.objects.get(pk=plan.markets[m])
        prices_delete(market=market, start=begin, end=begin, confirm=True)

    works = {"added": add, "corrected": correct, "deleted": remove}
    return [Writer(name, work) for name, work in works.items()]


if __name__ == "__main__":
    main()
