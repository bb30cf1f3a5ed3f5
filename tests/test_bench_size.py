"""The bench of the table of quotes by size, and the recipe that moves it, on few rows."""

from __future__ import annotations

import argparse
import datetime as dt

import pytest
from django.db import connection

from analytics.models import Market, PriceHistory
from bench.size import __main__ as size
from bench.size import moving, statements, tables
from tests import factories

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="it measures PostgreSQL"),
]
END = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@pytest.fixture
def plan():
    markets = [factories.make_market(f"USDT/BOB@size{number}").pk for number in range(3)]
    return tables.planned(markets, 600, 0.3, END)


@pytest.mark.parametrize("variant", tables.VARIANTS[3:], ids=lambda variant: variant.name)
def test_every_way_holds_the_same_quotes(plan, variant):
    columns = "market_id, timestamp, bid, ask, bid_volume, ask_offers"
    tables.fill(tables.VARIANTS[0], plan)
    as_migrated = statements.rows(f"SELECT {columns} FROM {tables.TABLE} ORDER BY 1, 2")
    tables.make(variant, plan)
    tables.fill(variant, plan)
    assert statements.rows(f"SELECT {columns} FROM {tables.TABLE} ORDER BY 1, 2") == as_migrated
    tables.drop(variant)
    assert (len(as_migrated), as_migrated[-1][1]) == (600, plan.moment(199, 2))


def test_a_way_is_filled_asked_and_written_to(capsys):
    ways = ["as migrated", "by month"]
    size.lines.clear()
    size.measure(argparse.Namespace(quotes=400, markets=2, years=0.2, rounds=1, only=ways))
    by_way = {line["way"]: [] for line in size.lines}
    for line in size.lines:
        by_way[line["way"]].append(line["what"])
    assert list(by_way) == ways
    read = {"newest quote of a market", "last 60 days of a market", "all markets without a month"}
    assert all(read <= set(whats) for whats in by_way.values())
    answer = next(line for line in size.lines if line["what"] == "all of a market, counted")
    assert answer["warm"] >= answer["planning"] > 0 < answer["pages"]
    assert not Market.objects.exists()
    assert not PriceHistory.objects.exists()


def test_the_recipe_loses_nothing_while_quotes_are_written(plan, capsys):
    tables.fill(tables.VARIANTS[0], plan)
    try:
        writers = moving.moved(plan, ("1-prepare", "2-copy", "3-check", "4-swap", "back"))
        assert [writer.problems for writer in writers] == [[], [], []]
        assert min(len(writer.seconds) for writer in writers) > 1
        moving._same("analytics_pricehistory", "quotes_by_month")
    finally:
        statements.run("DROP TRIGGER IF EXISTS quotes_both ON analytics_pricehistory")
        statements.run("DROP TABLE IF EXISTS quotes_by_month, quotes_begin")
        statements.run("DROP FUNCTION IF EXISTS quotes_both, quotes_months")
        statements.run("DROP PROCEDURE IF EXISTS quotes_copy")
