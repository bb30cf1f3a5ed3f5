"""One contract over every registered venue, played by a real HTTP server."""

from __future__ import annotations

from decimal import Decimal

import pytest

from analytics.venues.book import Side
from analytics.venues.options import describe_options
from analytics.venues.registry import Offer, get_venue, list_venues, register, registered
from tests.analytics.venues.conftest import FACE, PLAYED

VENUES = [spec.name for spec in list_venues()]
BOOKS = [spec.name for spec in list_venues(Offer.BOOK)]


def test_every_venue_is_played():
    assert sorted(PLAYED) == VENUES


@pytest.mark.parametrize("venue", VENUES)
def test_a_healthy_venue_gives_a_quote_near_its_market(venue, read, playing, clock):
    reading = read(venue)
    assert reading.error is None
    quote, order = reading.quote, reading.order
    market = playing.stage.markets[order.pair.asset, order.pair.fiat]
    assert quote.pair == order.pair
    assert quote.taken_at == clock.now
    assert quote.mid == pytest.approx(Decimal(market.mid(clock.now)), rel=Decimal("0.01"))
    assert reading.requests == len(playing.requests)
    assert reading.state.failures == 0
    assert reading.state.last_success == clock.now


@pytest.mark.parametrize("venue", VENUES)
def test_asks_are_what_a_buyer_pays(venue, read):
    """No venue's words for a side are mixed up: the playing markets are never crossed."""
    quote = read(venue).quote
    if quote.ask is not None:
        assert quote.ask.price > quote.bid.price
    else:
        assert quote.price > 0


@pytest.mark.parametrize("venue", BOOKS)
def test_a_book_holds_both_sides_whole(venue, read):
    book = read(venue).book
    expected = 20 if venue == "binance_agent" else 45
    assert len(book.asks) == len(book.bids) == expected
    assert book.whole is (venue != "binance_agent")
    assert {ad.side for ad in book.asks} == {Side.ASK}
    asks, bids = ([ad.price for ad in side if not ad.promoted] for side in (book.asks, book.bids))
    assert asks == sorted(asks)
    assert bids == sorted(bids, reverse=True)
    for ad in (*book.asks, *book.bids):
        assert 0 < ad.min_order <= ad.max_order
        assert ad.quantity > 0
        assert ad.payment_methods
        assert Decimal("0.89") <= ad.completion <= 1
        assert ad.orders > 0


@pytest.mark.parametrize("venue", ["binance_p2p", "bybit_p2p"])
def test_all_pages_are_walked_and_no_more(venue, read, playing):
    read(venue)
    assert [int(request.values["page"]) for request in playing.requests] == [1, 2, 3, 1, 2, 3]


def test_a_bound_on_pages_is_said(read):
    reading = read("binance_p2p", max_pages=1)
    assert len(reading.book.asks) == 20
    assert reading.book.whole is False
    assert "partial" in reading.quote.notes


def test_the_venues_that_list_ads_filter_by_payment_method(read):
    for venue in ("binance_p2p", "okx_p2p"):
        reading = read(venue, payments=["Zinli"])
        kept = reading.quote.ask.offers
        takers = [ad for ad in reading.book.asks if "Zinli" in ad.payment_methods]
        assert 0 < kept <= len(takers)


def test_the_ad_that_bought_its_place_is_seen_and_left_out(read):
    reading = read("binance_p2p")
    assert [ad.promoted for ad in reading.book.asks][:3] == [True, False, False]
    assert reading.quote.dropped["ask:promoted"] == reading.quote.dropped["bid:promoted"] == 1


def test_merchants_only_leaves_merchants(read):
    for venue in ("binance_p2p", "okx_p2p", "bybit_p2p"):
        reading = read(venue, merchants_only=True)
        merchants = [ad for ad in reading.book.asks if ad.merchant]
        assert reading.quote.ask.offers <= len(merchants) < 45


def test_an_advertiser_of_several_ads_keeps_one_hash_per_venue(read, identities):
    hashes = {venue: {ad.advertiser_hash for ad in read(venue).book.asks} for venue in BOOKS}
    assert 30 < len(hashes["binance_p2p"]) < 45
    assert not hashes["binance_p2p"] & hashes["bybit_p2p"]


def test_the_published_endpoint_gives_its_own_price_too(read):
    quote = read("binance_agent", want="quote").quote
    assert quote.method == "venue_quote"
    assert quote.ask.price > quote.bid.price


def test_an_aggregator_says_the_price_with_fees(read):
    quote = read("criptoya").quote
    assert quote.ask.total > quote.ask.price
    assert quote.bid.total < quote.bid.price
    assert quote.server_time is not None


def test_a_price_without_a_side_is_not_made_into_two(read):
    for venue in ("yadio", "dolarapi"):
        quote = read(venue).quote
        assert quote.ask is None
        assert quote.bid is None
        assert quote.figures()["price"] == quote.price


def test_the_figures_of_a_quote_are_those_the_database_stores(read):
    from analytics.models import PriceHistory

    figures = read("binance_p2p").quote.figures()
    assert set(figures) == {*(c.name for c in PriceHistory.SCHEMA), "timestamp"} - {"volume"}
    row = PriceHistory(market_id=1, **{k: v for k, v in figures.items() if k != "timestamp"})
    for field in row._meta.concrete_fields:
        if field.name in figures and field.name != "timestamp":
            field.clean(getattr(row, field.name), row)


def test_a_markets_list_of_ccxt_is_asked_for_once(read, playing):
    read("spot")
    before = len(playing.requests)
    read("spot")
    assert len(playing.requests) == before + 1


def test_every_option_says_what_it_is():
    for spec in list_venues():
        for entry in describe_options(spec.options):
            assert entry["help"], (spec.name, entry["name"])
        assert spec.request
        assert spec.fields
        assert spec.terms
        assert spec.interval >= 0.5


def test_a_second_venue_of_a_name_is_refused_loudly():
    spec = get_venue("yadio")
    with pytest.raises(ValueError, match="already registered"):
        register(spec)
    with pytest.raises(ValueError, match="already registered"), registered(spec):
        pass


def test_the_playing_marketplaces_are_no_venues():
    assert not [name for name in VENUES if "play" in name]
    assert set(FACE.values()).isdisjoint(VENUES)
