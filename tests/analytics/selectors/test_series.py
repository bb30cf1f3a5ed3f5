"""Quotes as arrays: what is kept is what stands in the database, and thinning keeps the peaks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analytics.models import Market, PriceHistory
from analytics.selectors.series import POINTS, quote_series, quote_series_of, thin
from tests import factories

NOW = timezone.now().replace(microsecond=0)
SINCE = NOW - dt.timedelta(days=1)


def rows_read(market):
    with CaptureQueriesContext(connection) as caught:
        series = quote_series(market, SINCE)
    return series, [q["sql"] for q in caught if "analytics_pricehistory" in q["sql"]]


@pytest.mark.django_db(transaction=True)
def test_a_later_quote_is_appended_and_an_earlier_one_read_anew():
    market = factories.make_market()
    factories.make_quotes(market, 20, end=NOW - dt.timedelta(hours=1))
    first, _ = rows_read(market)
    assert len(first.at) == 20
    PriceHistory.objects.create(market=market, timestamp=NOW, bid="9.5", ask="9.6")
    later, sql = rows_read(market)
    assert [len(later.at), later.column("bid")[-1]] == [21, 9.5]
    # Only what came since the newest one that was known.
    assert f"{NOW - dt.timedelta(hours=1):%H:%M:%S}" in sql[-1]
    assert (later.at[:20] == first.at).all()
    old = PriceHistory.objects.order_by("timestamp").first()
    PriceHistory.objects.filter(pk=old.pk).update(bid="7.25")
    assert rows_read(market)[0].column("bid")[0] == 7.25
    PriceHistory.objects.filter(pk=old.pk).delete()
    assert len(rows_read(market)[0].at) == 20


@pytest.mark.django_db(transaction=True)
def test_more_of_the_past_is_read_when_it_is_asked_for():
    market = factories.make_market()
    factories.make_quotes(market, 100, end=NOW)
    short = quote_series(market, NOW - dt.timedelta(hours=2))
    long = quote_series(market, NOW - dt.timedelta(hours=20))
    again = quote_series(market, NOW - dt.timedelta(hours=2))
    assert [len(s.at) for s in (short, long, again)] == [5, 41, 5]


@pytest.mark.django_db(transaction=True)
def test_many_markets_are_read_in_one_query_and_continued_in_another():
    # By symbol they stand the other way round than by id.
    symbols = ("USDT/VES@x", "USDT/BOB@x", "BTC/BOB@x")
    markets = [factories.make_market(symbol) for symbol in symbols]
    for place, market in enumerate(markets):
        factories.make_quotes(market, 10 + place, end=NOW, price=10.0**place)

    def read():
        fresh = Market.objects.in_bulk([m.pk for m in markets]).values()
        with CaptureQueriesContext(connection) as caught:
            found = quote_series_of(dict.fromkeys(fresh, SINCE))
        return [found[m.pk] for m in markets], len(caught)

    first, asked = read()
    assert asked == 1
    assert [len(series.at) for series in first] == [10, 11, 12]
    levels = [float(np.median(series.column("bid"))) for series in first]
    assert levels == [pytest.approx(10.0**place, rel=0.02) for place in range(3)]
    later = NOW + dt.timedelta(minutes=1)
    PriceHistory.objects.create(market=markets[1], timestamp=later, bid="9.5")
    PriceHistory.objects.filter(market=markets[2]).first().delete()
    second, asked = read()
    assert asked == 2
    assert [len(series.at) for series in second] == [10, 12, 11]
    assert second[1].column("bid")[-1] == 9.5


@pytest.mark.django_db
def test_more_markets_than_a_database_takes_in_one_query_are_read():
    rows = [Market(asset="USDT", fiat="BOB", exchange=f"x{n}") for n in range(1001)]
    markets = Market.objects.bulk_create(rows)
    factories.make_quotes(markets[-1], 3, end=NOW)
    found = quote_series_of(dict.fromkeys(markets, SINCE))
    assert len(found) == 1001
    assert [len(found[market.pk].at) for market in (markets[0], markets[-1])] == [0, 3]


@pytest.mark.django_db
def test_average_and_spread_are_those_of_a_quote():
    market = factories.make_market()
    both = PriceHistory(market=market, timestamp=SINCE, bid=Decimal("9.50"), ask=Decimal("9.70"))
    alone = PriceHistory(market=market, timestamp=NOW, price=Decimal("9.44"))
    PriceHistory.objects.bulk_create([both, alone])
    found = quote_series(market, SINCE).derived()
    assert found["average"].tolist() == [9.6, 9.44]
    assert found["spread"][0] == pytest.approx(float(both.spread_pct))
    assert np.isnan(found["spread"][1])


def test_thinning_keeps_ends_and_every_peak():
    noise = np.random.default_rng(3)
    values = noise.normal(size=100_000).cumsum()
    values[60_000:70_000] = np.nan
    values[[1234, 40_321, 99_998]] = [1e4, -1e4, 2e4]
    rows = thin(np.arange(100_000.0), [values])
    assert len(rows) <= POINTS + 2
    assert (np.diff(rows) > 0).all()
    assert {0, 1234, 40_321, 99_998, 99_999} <= set(rows.tolist())
    assert np.isfinite(values[rows]).mean() > 0.85


def test_few_rows_are_not_thinned():
    assert thin(np.arange(5.0), [np.full(5, np.nan)]).tolist() == [0, 1, 2, 3, 4]
