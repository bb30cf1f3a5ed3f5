"""Markets are found by what people call them; frames hold what ml expects."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

import ml
from analytics.exceptions import InvalidInput, NotFound
from analytics.models import Market, PriceHistory
from analytics.selectors.frames import price_frame
from analytics.selectors.prices import market_freshness, market_get, market_list, price_list

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def market() -> Market:
    return Market.objects.create(asset="USDT", fiat="BOB", exchange="binance_p2p")


@pytest.fixture
def quotes(market) -> None:
    PriceHistory.objects.bulk_create(
        PriceHistory(
            market=market,
            timestamp=NOW - dt.timedelta(minutes=30 * k),
            bid=9.30 + k,
            ask=None if k == 1 else 9.5 + k,
        )
        for k in range(5)
    )


@pytest.mark.parametrize(
    "ref", [None, "", "USDT/BOB@binance_p2p", "usdt/bob@BINANCE_P2P", " USDT/BOB "]
)
def test_a_market_is_found_by_any_of_its_names(market, ref):
    assert market_get(ref) == market
    assert market_get(str(market.pk)) == market


def test_without_any_market_the_way_to_one_is_named():
    with pytest.raises(InvalidInput) as caught:
        market_get(None)
    assert caught.value.code == "no_market"
    assert "import_prices" in caught.value.message


def test_among_several_markets_one_must_be_named(market):
    Market.objects.create(asset="USDT", fiat="BOB", exchange="other")
    for ref in (None, "USDT/BOB"):
        with pytest.raises(InvalidInput) as caught:
            market_get(ref)
        assert caught.value.code == "market_required"
        assert "USDT/BOB@other" in caught.value.fields["market"]


@pytest.mark.parametrize("ref", ["BTC/USD", "nowhere", "0", "9" * 30, "\x00", "²"])
def test_an_unknown_market_is_not_found(market, ref):
    with pytest.raises(NotFound):
        market_get(ref)


def test_a_frame_is_what_ml_takes(market, quotes):
    frame = price_frame(market)
    assert list(frame.columns) == ["bid", "ask"]
    assert str(frame.index.tz) == "UTC"
    assert frame.index.is_monotonic_increasing
    assert frame.dtypes.unique().tolist() == [np.dtype("float64")]
    assert frame["bid"].tolist() == pytest.approx([13.3, 12.3, 11.3, 10.3, 9.3])
    assert np.isnan(frame["ask"].iloc[3])
    assert ml.build_grid(frame)["mid"].notna().all()


def test_a_frame_may_be_cut_at_either_end(market, quotes):
    later = price_frame(market, since=NOW - dt.timedelta(minutes=60))
    earlier = price_frame(market, until=NOW - dt.timedelta(minutes=60))
    assert (len(later), len(earlier)) == (3, 3)
    newest = price_frame(market, last=2)
    assert newest.index.tolist() == later.index.tolist()[-2:]


def test_an_empty_market_gives_an_empty_frame(market):
    frame = price_frame(market)
    assert len(frame) == 0
    assert str(frame.index.tz) == "UTC"


def test_freshness_counts_from_the_last_quote(market, quotes):
    fresh = market_freshness(market, now=NOW + dt.timedelta(minutes=10))
    assert (fresh["last_quote_at"], fresh["age_minutes"], fresh["stale"]) == (NOW, 10.0, False)
    assert market_freshness(market, now=NOW + dt.timedelta(hours=4))["stale"]


def test_a_slow_market_may_be_silent_for_longer(market, quotes):
    market.cadence_minutes = 60
    assert not market_freshness(market, now=NOW + dt.timedelta(hours=4))["stale"]


def test_a_market_without_quotes_is_stale(market):
    assert market_freshness(market) == {"last_quote_at": None, "age_minutes": None, "stale": True}


def test_the_list_of_markets_asks_once(market, quotes, django_assert_num_queries):
    with django_assert_num_queries(1):
        [found] = market_list()
        assert market_freshness(found, now=NOW)["age_minutes"] == 0


def test_quotes_come_newest_first_with_their_market(market, quotes, django_assert_num_queries):
    with django_assert_num_queries(1):
        moments = [(quote.timestamp, quote.market.symbol) for quote in price_list()]
    assert moments == sorted(moments, reverse=True)
