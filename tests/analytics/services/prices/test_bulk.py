"""Posted quotes: all of them or none."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from analytics.exceptions import InvalidInput, NotFound
from analytics.models import Market, PriceHistory
from analytics.services.prices.markets import market_get_or_create
from analytics.services.prices.posting import price_bulk_add, price_file_add
from analytics.services.prices.reading import ReadOptions

pytestmark = pytest.mark.django_db

ROW = {"timestamp": "2026-05-01T12:00:00Z", "market": "USDT/BOB@x", "bid": 9.3, "ask": "9.35"}


def test_bulk_rows_are_written_once():
    rows = [ROW, {**ROW, "timestamp": "2026-05-01T12:30:00Z", "bid_offers": 3}]
    assert price_bulk_add(rows=rows, create_market=True).new == 2
    assert price_bulk_add(rows=rows).unchanged == 2
    assert price_bulk_add(rows=[{**ROW, "bid": 9.4}]).updated == 1
    assert PriceHistory.objects.earliest().ask == 9.35


def test_bulk_rows_may_leave_the_market_to_the_request():
    market = market_get_or_create("USDT/BOB@x")
    row = {"timestamp": "2026-05-01T12:00:00", "price": 5}
    assert price_bulk_add(rows=[row], market=market).new == 1
    with pytest.raises(InvalidInput) as caught:
        price_bulk_add(rows=[{**row, "market": "USDT/VES@x"}], market=market)
    assert "market" in caught.value.fields


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"bid": "abc"}, "bid"),
        ({"bid": True}, "bid"),
        ({"bid": [1]}, "bid"),
        ({"bid": float("nan")}, "bid"),
        ({"bid": 10**400}, "bid"),
        ({"bid": 0}, "bid"),
        ({"bid": None, "ask": None}, "price"),
        ({"timestamp": 5}, "timestamp"),
        ({"timestamp": None}, "timestamp"),
        ({"market": None}, "market"),
        ({"market": "USDT/BOB"}, "market"),
        ({"market": 7}, "market"),
        ({"timestamp": "2099-01-01T00:00:00Z"}, "timestamp"),
        ({"timestamp": "2008-01-01T00:00:00Z"}, "timestamp"),
    ],
)
def test_one_bad_bulk_row_writes_nothing_and_is_named(change, field):
    with pytest.raises(InvalidInput) as caught:
        price_bulk_add(rows=[ROW, {**ROW, **change}])
    assert caught.value.code == "bad_rows"
    assert list(caught.value.fields) == [f"rows.1.{field}"]
    assert PriceHistory.objects.count() == 0
    assert Market.objects.count() == 0


def test_at_most_twenty_bad_cells_are_named():
    with pytest.raises(InvalidInput) as caught:
        price_bulk_add(rows=[{**ROW, "bid": "x", "ask": "y"}] * 50)
    assert len(caught.value.fields) == 20


def test_too_many_bulk_rows_are_refused(settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "MAX_BULK_ROWS": 2}
    with pytest.raises(InvalidInput) as caught:
        price_bulk_add(rows=[ROW] * 3)
    assert caught.value.code == "too_many_rows"


def test_a_market_is_found_whatever_its_case():
    assert market_get_or_create("USDT/BOB@x") == market_get_or_create("usdt/bob@X")
    with pytest.raises(InvalidInput):
        market_get_or_create("USDT")


# ----------------------------------------------------------------------- as the sender means them
def test_a_market_is_made_only_when_asked_and_those_alike_are_named():
    market_get_or_create("USDT/BOB@binance_p2p")
    row = {**ROW, "market": "USDT/BOB@binance"}
    with pytest.raises(NotFound) as caught:
        price_bulk_add(rows=[row])
    assert caught.value.code == "unknown_market"
    assert "USDT/BOB@binance_p2p" in caught.value.fields["USDT/BOB@binance"]
    assert Market.objects.count() == 1
    report = price_bulk_add(rows=[row], create_market=True)
    assert (report.new, report.created) == (1, ["USDT/BOB@binance"])


def test_other_names_are_read_as_in_a_file_and_said():
    market = market_get_or_create("USDT/BOB@x")
    rows = [{"fecha": "2026-05-01T12:00:00Z", "compra": 9.3, "venta": 9.4}]
    report = price_bulk_add(rows=rows, market=market)
    assert (report.new, PriceHistory.objects.get().ask) == (1, 9.4)
    assert any("venta" in line for line in report.decisions)


def test_a_time_without_a_zone_is_read_in_the_zone_that_is_said():
    market = market_get_or_create("USDT/BOB@x")
    rows = [{"timestamp": "2026-05-01T12:00:00", "price": 5}]
    plain = price_bulk_add(rows=rows, market=market)
    assert any("UTC" in line for line in plain.decisions)
    price_bulk_add(rows=rows, market=market, options=ReadOptions(tz="America/La_Paz"))
    hours = [at.hour for at in PriceHistory.objects.values_list("timestamp", flat=True)]
    assert sorted(hours) == [12, 16]


def test_a_file_that_is_posted_is_stored_whole_or_not_at_all():
    market_get_or_create("USDT/BOB@x")
    options = ReadOptions(market="USDT/BOB@x")
    good = b"fecha;compra;venta\n2026-05-01T12:00:00Z;9,31;9,42\n"
    assert price_file_add(body=good, options=options).new == 1
    with pytest.raises(InvalidInput) as caught:
        price_file_add(
            body=good + b"2026-05-01T12:30:00Z;9,3;9,4\n2026-05-01T13:30:00Z;x;9,4\n",
            options=options,
        )
    assert caught.value.code == "bad_rows"
    assert PriceHistory.objects.get().bid == 9.31


def test_a_new_market_more_is_one_query_more_while_others_wait():
    """What is asked for in the transaction: which of the quotes are there already."""

    def post(count, name):
        rows = [
            {"market": f"T{n}/BOB@{name}", "timestamp": "2026-03-01T00:00:00Z", "bid": 10}
            for n in range(count)
        ]
        with CaptureQueriesContext(connection) as caught:
            report = price_bulk_add(rows=rows, create_market=True)
        assert len(report.created) == count
        texts = [query["sql"] for query in caught]
        begun = next(n for n, sql in enumerate(texts) if sql.startswith(("SAVEPOINT", "BEGIN")))
        return len(texts) - begun

    assert post(100, "many") <= post(2, "few") + 98 + 4


def test_two_spellings_of_a_new_market_are_one():
    rows = [
        {"market": name, "timestamp": f"2026-03-01T0{n}:00:00Z", "bid": 10}
        for n, name in enumerate(("NEW/BOB@x", "new/bob@X"))
    ]
    assert price_bulk_add(rows=rows, create_market=True).new == 2
    assert Market.objects.get().symbol == "NEW/BOB@x"


def test_a_failed_write_leaves_no_new_market(monkeypatch):
    def failing(*_args):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("analytics.services.prices.storing._lay_over", failing)
    with pytest.raises(RuntimeError), transaction.atomic():
        price_bulk_add(rows=[ROW], create_market=True)
    assert not Market.objects.exists()
    monkeypatch.undo()
    assert price_bulk_add(rows=[ROW], create_market=True).new == 1  # nothing was left staged


def test_known_and_new_markets_of_a_posting_get_their_own_quotes():
    market_get_or_create("USDT/BOB@known")
    rows = [
        {**ROW, "market": f"USDT/BOB@{name}", "bid": 9 + number / 10, "ask": None}
        for number, name in enumerate(("new", "known", "newer", "NEW"))
    ]
    rows[3]["timestamp"] = "2026-05-01T12:30:00Z"
    assert price_bulk_add(rows=rows, create_market=True).new == 4
    stored = PriceHistory.objects.order_by("bid").values_list("market__exchange", "bid")
    assert list(stored) == [("new", 9.0), ("known", 9.1), ("newer", 9.2), ("new", 9.3)]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="others wait for SQLite's one writer")
def test_quotes_are_staged_before_the_lock_is_taken():
    with CaptureQueriesContext(connection) as caught:
        price_bulk_add(rows=[ROW], create_market=True)
    texts = [query["sql"] for query in caught]
    locked = next(n for n, sql in enumerate(texts) if sql.startswith(('SAVEPOINT "', "BEGIN")))
    staged = next(n for n, sql in enumerate(texts) if "INSERT INTO paralelo_staged" in sql)
    assert staged < texts.index("RELEASE paralelo_staging") < locked
