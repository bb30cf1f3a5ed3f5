# ruff: noqa: S608  (the SQL is all our own)
"""The table of quotes as migrated and otherwise, each in a schema of its own under the same name:
whoever has that schema first in the search path asks it, with the product's own statements."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.common import database_seconds
from bench.size.statements import rows, run

TABLE = "analytics_pricehistory"
#: How the rows come: a quote of every market at each tick, as a collector brings them, or a whole
#: market after the other.
BY_TIME, BY_MARKET = "by time", "by market"
#: Rows of one statement.
CHUNK = 1_000_000
#: Rows that are stored at once to be timed, and quotes that come alone, after those.
MANY, ALONE = 10_000, 200


@dataclass(frozen=True)
class Variant:
    """One way to keep the quotes; `index` is one more than the product has."""

    name: str
    schema: str = "public"
    order: str = BY_TIME
    monthly: bool = False
    index: str = ""


VARIANTS = (
    Variant("as migrated"),
    Variant("with BRIN", index=f'CREATE INDEX size_more ON {TABLE} USING brin ("timestamp")'),
    Variant(
        "with a covering index",
        index=f'CREATE UNIQUE INDEX size_more ON {TABLE} (market_id, "timestamp") INCLUDE '
        "(bid, ask, bid_vwap, ask_vwap, bid_volume, ask_volume, bid_offers, ask_offers, price, "
        "volume)",
    ),
    Variant("by month", schema="monthly", monthly=True),
    Variant("clustered", schema="clustered", order=BY_MARKET),
)


@dataclass(frozen=True)
class Plan:
    """What is filled in: so many ticks of every market, `step` seconds apart, until `end`."""

    markets: Sequence[int]
    ticks: int
    step: float
    end: dt.datetime

    @property
    def rows(self) -> int:
        return self.ticks * len(self.markets)

    @property
    def start(self) -> dt.datetime:
        return self.end - dt.timedelta(seconds=self.ticks * self.step)

    def moment(self, tick: int, m: int) -> dt.datetime:
        """Of the market at that place, as `fill` puts it: markets come a millisecond apart."""
        second = self.start.timestamp() + (tick + 1) * self.step - m * 0.001
        return dt.datetime.fromtimestamp(second, dt.UTC)


def planned(markets: Sequence[int], quotes: int, years: float, end: dt.datetime) -> Plan:
    """`quotes` of all the markets together, over so many years."""
    ticks = max(quotes // len(markets), 1)
    return Plan(list(markets), ticks, years * 365.25 * 86_400 / ticks, end)


def use(variant: Variant) -> None:
    """From now on the product's statements mean this table."""
    run(f"SET search_path TO {variant.schema}, public")


def make(variant: Variant, plan: Plan) -> None:
    """The variant's empty table; the product's own is there."""
    if variant.schema == "public":
        return
    run(f"CREATE SCHEMA {variant.schema}")
    use(variant)
    run(
        f"CREATE TABLE {variant.schema}.{TABLE} (LIKE public.{TABLE} INCLUDING ALL)"
        if not variant.monthly
        else f"CREATE TABLE {variant.schema}.{TABLE} (LIKE public.{TABLE} INCLUDING DEFAULTS "
        'INCLUDING CONSTRAINTS INCLUDING IDENTITY) PARTITION BY RANGE ("timestamp")'
    )
    if variant.monthly:
        # What is unique in all partitions together must hold what they are cut by.
        run(f'ALTER TABLE {TABLE} ADD PRIMARY KEY (id, "timestamp")')
        run(f'ALTER TABLE {TABLE} ADD UNIQUE (market_id, "timestamp")')
        for first, after in months(
            plan.start, plan.moment(plan.ticks + (MANY + ALONE) // len(plan.markets) + 3, 0)
        ):
            run(
                f"CREATE TABLE {variant.schema}.{partition(first)} PARTITION OF {TABLE} "
                f"FOR VALUES FROM ('{first}') TO ('{after}')"
            )
    run(
        f"ALTER TABLE {TABLE} ADD FOREIGN KEY (market_id) REFERENCES public.analytics_market "
        "DEFERRABLE INITIALLY DEFERRED"
    )


def months(start: dt.datetime, end: dt.datetime) -> Iterator[tuple[str, str]]:
    """First days of the months that hold start..end, each with that of the next one."""
    year, month = start.year, start.month
    while (year, month) <= (end.year, end.month):
        later = (year + month // 12, month % 12 + 1)
        yield f"{year}-{month:02d}-01", f"{later[0]}-{later[1]:02d}-01"
        year, month = later


def partition(first: str) -> str:
    """What the partition of a month is called."""
    return f"{TABLE}_{first[:4]}_{first[5:7]}"


@dataclass(frozen=True)
class Filled:
    """Seconds of the clock and of the connection's process; quotes a second of the first and of the
    last statement, in which markets are looked up as always; seconds of the vacuum after it."""

    seconds: float
    busy: float
    first_rate: float
    last_rate: float
    vacuum: float


def fill(variant: Variant, plan: Plan) -> Filled:
    """Put the rows in, a statement a million, then vacuum and analyze. Between the first and the
    last one nobody looks whether each row's market is there, which takes half of the time; and what
    is not the product's own table gets its indexes anew after them, in place of row by row."""
    use(variant)
    rates: list[float] = []
    firsts = [*range(0, plan.rows, CHUNK)]
    busy, began = database_seconds(), time.perf_counter()
    for first in firsts:
        inner = first not in (firsts[0], firsts[-1])
        run(f"SET session_replication_role TO {'replica' if inner else 'origin'}")
        if variant.schema != "public" and len(firsts) > 2 and first == firsts[1]:
            keys = _without_keys()
        if variant.schema != "public" and len(firsts) > 2 and first == firsts[-1]:
            run(f"ALTER TABLE {TABLE} {', '.join(f'ADD {key}' for key in keys)}")
        rates.append(_put(variant.order, plan, first, min(first + CHUNK, plan.rows)))
    seconds, busy = time.perf_counter() - began, database_seconds() - busy
    began = time.perf_counter()
    run(f"VACUUM (ANALYZE) {TABLE}")
    return Filled(seconds, busy, rates[0], rates[-1], time.perf_counter() - began)


def _put(order: str, plan: Plan, first: int, after: int) -> float:
    """Rows at these places; how many a second."""
    began = time.perf_counter()
    run(
        _FILL[order],
        markets=plan.markets,
        count=len(plan.markets),
        ticks=plan.ticks,
        start=plan.start.timestamp(),
        step=plan.step,
        first=first,
        last=after - 1,
    )
    return (after - first) / (time.perf_counter() - began)


def _without_keys() -> list[str]:
    """Take what is unique off the table; what it was."""
    found = rows(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = %s::regclass AND contype IN ('p', 'u')",
        [TABLE],
    )
    run(f"ALTER TABLE {TABLE} {', '.join(f'DROP CONSTRAINT {name}' for name, _key in found)}")
    return [key for _name, key in found]


_PLACE = {
    BY_TIME: "g % %(count)s AS m, g / %(count)s AS tick",
    BY_MARKET: "g / %(ticks)s AS m, g % %(ticks)s AS tick",
}
#: The same rows in either order.
_FILL = {
    order: f"""
INSERT INTO {TABLE} (market_id, "timestamp", bid, ask, bid_vwap, ask_vwap, bid_volume, ask_volume,
                     bid_offers, ask_offers)
SELECT (%(markets)s::bigint[])[m + 1],
       to_timestamp(%(start)s + (tick + 1) * %(step)s::float8 - m * 0.001::float8),
       mid * 0.998::float8, mid * 1.002::float8, mid * 0.996::float8, mid * 1.004::float8,
       10000 + mid * 7, 12000 + mid * 11, 20 + m, 30 + m
FROM (SELECT {place.replace("% ", "%% ")} FROM generate_series(%(first)s::bigint, %(last)s) g) AS p,
     LATERAL (SELECT 7 + ((tick * 7919 + m * 104729) %% 1009) / 500::float8 AS mid) AS q
"""
    for order, place in _PLACE.items()
}  # fmt: skip


def sizes(variant: Variant) -> dict[str, int]:
    """Bytes of the rows and of each index; of partitions all together."""
    found = rows(
        "SELECT CASE WHEN c.relkind = 'i' THEN CASE WHEN pg_get_indexdef(c.oid) LIKE %s THEN "
        "'primary key' WHEN pg_get_indexdef(c.oid) LIKE %s THEN 'one more index' "
        "ELSE 'market and moment' END ELSE 'rows' END, sum(pg_relation_size(c.oid)) "
        "FROM pg_class c WHERE c.oid = ANY(%s::oid[]) GROUP BY 1",
        ["%(id%", "%size\\_more%", relations(variant)],
    )
    return {name: int(size) for name, size in found}


def relations(variant: Variant) -> list[int]:
    """Its tables and indexes, partitions among them."""
    found = rows(
        "SELECT c.oid FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = %s::regnamespace "
        "AND c.relname LIKE %s UNION SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON "
        "c.oid = i.indrelid WHERE c.relkind = 'r' AND c.relnamespace = %s::regnamespace "
        "AND c.relname LIKE %s",
        [variant.schema, f"{TABLE}%"] * 2,
    )
    return [oid for (oid,) in found]


def drop(variant: Variant) -> None:
    """Its table, or its index where the table is the product's."""
    if variant.schema != "public":
        run("SET search_path TO public")
        run(f"DROP SCHEMA IF EXISTS {variant.schema} CASCADE")
    elif variant.index:
        run("DROP INDEX IF EXISTS size_more")
