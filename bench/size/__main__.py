"""`python -m bench.size [--quotes 50000000] [--markets 200] [--years 5]`: the table of quotes on
PostgreSQL as it is migrated, and kept in other ways, at one size.

The empty database that DATABASE_URL names is filled inside the server; it is empty again afterwards
but for what migrations make. Of each way: the time to fill it, its bytes, the product's own
questions (explained: milliseconds in the server, warm, and where the server's files can be reached
also from disk; pages of 8 KiB), and its writes (milliseconds of the clock, through the ORM).
"""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import asdict
from typing import Any

from bench.size.database import migrated
from bench.speed.measuring import asks, machine, say, write

#: What of the server's settings the figures depend on.
_SETTINGS = ("server_version", "shared_buffers", "work_mem", "max_wal_size", "fsync", "jit")
lines: list[dict[str, Any]] = []


def main() -> None:
    parser = asks(__doc__)
    parser.add_argument("--quotes", type=int, default=50_000_000)
    parser.add_argument("--markets", type=int, default=200)
    parser.add_argument("--years", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="+", metavar="WAY", help="of the ways those alone")
    asked = parser.parse_args()
    with migrated(parser):
        measure(asked)
    write(asked.json, lines, "ms, bytes, quotes a second, pages of 8 KiB")


def measure(asked: argparse.Namespace) -> None:
    """Of one way after the other; those of the product's own table first, on the same rows."""
    from analytics.models import Market
    from bench.size import questions, statements, tables

    if Market.objects.exists():
        raise SystemExit("The database is not empty.")
    told = {name: statements.rows(f"SHOW {name}")[0][0] for name in _SETTINGS}
    say(", ".join(f"{name} {value}" for name, value in told.items()))
    markets = [
        Market.objects.create(asset="USDT", fiat="AAA", exchange=f"size{number}")
        for number in range(asked.markets)
    ]
    end = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    keys = [market.pk for market in markets]
    plan = tables.planned(keys, asked.quotes, asked.years, end - dt.timedelta(days=1))
    say(f"{plan.rows:,} quotes, one in {plan.step:.0f} s of each market; {machine()}")
    questions.make_brooms()
    filled: set[str] = set()
    try:
        for variant in tables.VARIANTS:
            if not asked.only or variant.name in asked.only:
                _of(variant, plan, markets, asked.rounds, filled)
    finally:
        questions.drop_brooms()
        for variant in tables.VARIANTS:
            tables.drop(variant)
        statements.run("TRUNCATE analytics_pricehistory")
        Market.objects.all().delete()


def _of(variant: Any, plan: Any, markets: list[Any], rounds: int, filled: set[str]) -> None:
    """All of one way; its table is gone afterwards, if it is not the product's."""
    import time

    from bench.size import questions, statements, tables, writes

    say(f"\n{variant.name} ({machine()})")
    tables.make(variant, plan)
    if variant.schema not in filled:
        for name, value in asdict(tables.fill(variant, plan)).items():
            _keep(variant, f"fill: {name}", value=round(value, 2))
        filled.add(variant.schema)
    tables.use(variant)
    if variant.index:
        began = time.perf_counter()
        statements.run(variant.index)
        statements.run(f"VACUUM (ANALYZE) {tables.TABLE}")
        _keep(variant, "fill: seconds of the index", value=round(time.perf_counter() - began, 2))
    for name, size in tables.sizes(variant).items():
        _keep(variant, f"bytes: {name}", value=size, per_quote=round(size / plan.rows, 1))
    step = max(len(markets) // 5, 1)
    for name, ask in questions.questions(plan).items():
        answer = questions.asked(variant, ask, markets[::step][:4], rounds)
        _keep(variant, name, **asdict(answer))
    for name, (clock, busy) in writes.written(variant, plan, markets).items():
        _keep(variant, name, clock=clock, busy=busy)
    tables.drop(variant)


def _keep(variant: Any, name: str, **values: float | None) -> None:
    """A line, at once."""
    lines.append({"way": variant.name, "what": name, **values})
    figures = "  ".join(
        f"{key} {value:,.3f}".rstrip("0").rstrip(".") if value is not None else f"{key} -"
        for key, value in values.items()
    )
    say(f"  {name:<32}{figures}")


if __name__ == "__main__":
    main()
