"""Recorded ads, where this machine has them: methods beside the recorded series, and a replay."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from decimal import Decimal

import pytest

from analytics.venues.book import Pair, Side
from analytics.venues.collect import collect, make_order
from analytics.venues.quoting.cleaning import clean
from analytics.venues.quoting.methods import METHODS
from bench.venue_methods import read_ads
from tests.playing.market import EPOCH, PlayedMarket, read_recording
from tests.playing.server import PlayingServer

ADS = "ads_usdt_usd_zinli_binance_p2p.csv.gz"
SERIES = "usdt_usd_zinli_binance_p2p.csv.gz"


@pytest.fixture(scope="module")
def books():
    from tests.conftest import SHARED_DATA

    if not SHARED_DATA.is_dir():
        pytest.skip("the shared folder of real recordings is not on this machine")
    return read_ads(SHARED_DATA / ADS)


def test_our_method_gives_the_recorded_series_of_the_same_ads(books, shared_data):
    """The source says "best within 1 % of the median of the first ten"; its code is not known.
    Three quarters are equal to the tick, the rest within 0.6 %."""
    with gzip.open(shared_data / SERIES, "rt") as file:
        series = {row["timestamp"]: row for row in csv.DictReader(file)}
    apart = []
    for (when, side), ads in books.items():
        recorded = series.get(when, {}).get(f"{side}_price")
        if recorded:
            ours = METHODS["near_median"].take(clean(ads)[0])
            apart.append(abs(ours / Decimal(recorded) - 1))
    assert len(apart) > 100
    assert apart.count(0) / len(apart) > 0.7
    assert max(apart) < Decimal("0.006")


def test_honest_ads_of_real_markets_are_kept(books):
    kept, dropped = 0, 0
    for ads in books.values():
        good, reasons = clean([ad for ad in ads if not ad.promoted])
        kept, dropped = kept + len(good), dropped + len(reasons)
    assert dropped / (kept + dropped) < 0.01


def test_a_promoted_ad_far_off_never_sets_the_price(books):
    for (_, side), ads in books.items():
        price = METHODS["naive"].take(clean(ads)[0])
        plain = sorted(ad.price for ad in ads if not ad.promoted)
        best = plain[0] if side is Side.ASK else plain[-1]
        assert abs(price / best - 1) < Decimal("0.02")


def test_a_recording_is_replayed_over_http(shared_data, clock, setting, identities, books):
    recorded = read_recording(shared_data / ADS)
    market = PlayedMarket("USDT", "USD", 1.0, recorded=recorded)
    # The recording begins anew at a multiple of its length since the epoch of played markets.
    length = recorded[-1][0] - recorded[0][0] + 30
    rounds = (clock.now - EPOCH).total_seconds() // length + 1
    clock.now = EPOCH + dt.timedelta(seconds=rounds * length + 30)
    with PlayingServer([market], clock=clock) as server:
        order = make_order("binance_p2p", Pair("USDT", "USD"), {"base_url": server.url})
        reading = collect(order, identities, setting=setting)
    first = min(when for when, _ in books)
    for side in Side:
        direct = METHODS["naive"].take(clean(books[first, side])[0])
        assert reading.quote.side(side).price == direct
    assert any(ad.promoted for ad in reading.book.asks) == any(
        ad.promoted for ad in books[first, Side.ASK]
    )
