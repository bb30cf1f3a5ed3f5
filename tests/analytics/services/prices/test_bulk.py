"""Posted quotes: all of them or none."""

from __future__ import annotations

import pytest

from analytics.exceptions import InvalidInput
from analytics.models import Market, PriceHistory
from analytics.services.prices.importing import price_bulk_add
from analytics.services.prices.markets import market_get_or_create

pytestmark = pytest.mark.django_db

ROW = {"timestamp": "2026-05-01T12:00:00Z", "market": "USDT/BOB@x", "bid": 9.3, "ask": "9.35"}


def test_bulk_rows_are_written_once():
    rows = [ROW, {**ROW, "timestamp": "2026-05-01T12:30:00Z", "bid_offers": 3}]
    assert price_bulk_add(rows=rows).new == 2
    assert price_bulk_add(rows=rows).unchanged == 2
    assert price_bulk_add(rows=[{**ROW, "bid": 9.4}]).updated == 1
    assert PriceHistory.objects.earliest().ask == 9.35


def test_bulk_rows_may_leave_the_market_to_the_request():
    market = market_get_or_create("USDT/BOB@x")
    row = {"timestamp": "2026-05-01T12:00:00", "price": 5}
    assert price_bulk_add(rows=[row], market=market).new == 1
    with pytest.raises(InvalidInput) as caught:
        price_bulk_add(rows=[{**row, "market": "USDT/VES@x"}], market=market)
    assert "rows.0.market" in caught.value.fields


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
        ({"offers": 7}, "offers"),
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
