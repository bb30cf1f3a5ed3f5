"""Quotes that are staged and laid over what is stored, in one statement a chunk."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from analytics.models import Market, PriceHistory
from analytics.services.prices.rows import merge_rows
from analytics.services.prices.storing import FIGURES, rows_store
from tests.factories import make_market

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    return make_market()


def chunk(market, *quotes):
    """Merged rows of (minutes after START, figures)."""
    rows = [
        {"market_id": market.pk, "timestamp": START + dt.timedelta(minutes=minutes), **figures}
        for minutes, figures in quotes
    ]
    table = pd.DataFrame(rows).reindex(columns=["market_id", "timestamp", *FIGURES])
    table["timestamp"] = pd.to_datetime(table["timestamp"], utc=True).dt.as_unit("us")
    return merge_rows(table.astype(dict.fromkeys(FIGURES, "float64")))


def counters(market):
    market.refresh_from_db()
    return market.revision, market.rewrites


def test_what_is_stored_is_what_the_orm_would_have_stored(market):
    """Moments with and without microseconds, doubles to the last digit, whole numbers, unknowns."""
    other = make_market("USDT/VES@x")
    whole = next(column.name for column in PriceHistory.SCHEMA if column.whole)
    figures = {"bid": 6.87123456789012, "ask": 1e-9, whole: 12}
    shifts = (0.0, 1 / 60_000_000, 1.5)
    assert rows_store(chunk(market, *((shift, figures) for shift in shifts)))["new"] == 3
    moments = [START + dt.timedelta(minutes=shift) for shift in shifts]
    PriceHistory.objects.bulk_create(
        PriceHistory(market=other, timestamp=at, **figures) for at in moments
    )
    ours, theirs = (
        list(one.prices.order_by("timestamp").values("timestamp", *FIGURES))
        for one in (market, other)
    )
    assert ours == theirs
    assert [type(v) for v in ours[0].values()] == [type(v) for v in theirs[0].values()]
    # Moments are text on SQLite: they are found by themselves.
    assert market.prices.filter(timestamp__in=moments).count() == 3


def test_known_figures_win_and_unknown_ones_erase_nothing(market):
    rows_store(chunk(market, (0, {"bid": 6.9, "ask": 7.0}), (1, {"bid": 6.9})))
    found = rows_store(chunk(market, (0, {"ask": 7.1}), (1, {"bid": 6.9}), (2, {"price": 5.0})))
    assert found == {"new": 1, "updated": 1, "unchanged": 1}
    stored = PriceHistory.objects.order_by("timestamp").values_list("bid", "ask", "price")
    assert list(stored) == [(6.9, 7.1, None), (6.9, None, None), (None, None, 5.0)]


def test_a_hair_beside_is_the_same(market):
    rows_store(chunk(market, (0, {"bid": 6.9})))
    assert rows_store(chunk(market, (0, {"bid": np.nextafter(6.9, 7)})))["unchanged"] == 1


def test_counters_move_as_by_the_orm(market):
    rows_store(chunk(market, (10, {"bid": 1.0}), (11, {"bid": 1.0})))
    assert counters(market) == (1, 0)
    rows_store(chunk(market, (12, {"bid": 1.0})))
    assert counters(market) == (2, 0)  # later ones only
    rows_store(chunk(market, (5, {"bid": 1.0})))
    assert counters(market) == (3, 1)  # before the newest
    rows_store(chunk(market, (12, {"bid": 2.0})))
    assert counters(market) == (4, 2)  # corrected
    rows_store(chunk(market, (12, {"bid": 2.0})))
    assert counters(market) == (4, 2)  # said again


def test_a_chunk_of_many_rows_costs_as_many_statements_as_one_of_few(market):
    def statements(table):
        with CaptureQueriesContext(connection) as asked:
            rows_store(table)
        return len(asked)

    few = statements(chunk(market, (0, {"bid": 1.0})))
    assert statements(chunk(market, *((n, {"bid": 1.0}) for n in range(10, 500)))) == few


def test_a_chunk_that_is_refused_leaves_nothing_behind(market):
    with pytest.raises(IntegrityError), transaction.atomic():
        rows_store(chunk(market, (0, {"bid": 1.0}), (1, {"bid": -1.0})))
    assert not PriceHistory.objects.exists()
    assert counters(market) == (0, 0)
    assert rows_store(chunk(market, (2, {"bid": 1.0})))["new"] == 1
    assert Market.objects.get().prices.count() == 1
