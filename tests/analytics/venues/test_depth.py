"""A book in few bytes, exactly, and its depth per payment method."""

from __future__ import annotations

import datetime as dt
import zlib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.venues.book import Ad, Book, Pair, Side
from analytics.venues.depth import ALL, depth, pack_book, unpack_book
from analytics.venues.errors import BrokenBook
from tests.analytics.venues.conftest import NOW, ad, book, side_of

figures = st.decimals(Decimal("0.001"), Decimal(10**9), places=4)
hashes = st.from_regex(r"[0-9a-f]{16}", fullmatch=True)


def ads_of(side: Side):
    return st.builds(
        Ad,
        side=st.just(side),
        price=figures,
        quantity=figures,
        min_order=st.none() | figures,
        max_order=st.none() | figures,
        payment_methods=st.lists(st.text(min_size=1, max_size=8), max_size=3).map(tuple),
        completion=st.none() | st.decimals(0, 1, places=4),
        orders=st.none() | st.integers(0, 10**6),
        merchant=st.booleans(),
        promoted=st.booleans(),
        online=st.none() | st.booleans(),
        advertiser_hash=hashes,
        ad_hash=hashes,
        rank=st.integers(0, 500),
    )


times = st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC))


@settings(max_examples=40, deadline=None)
@given(
    st.builds(
        Book,
        venue=st.just("okx_p2p"),
        pair=st.just(Pair("USDT", "VES")),
        asks=st.lists(ads_of(Side.ASK), max_size=3).map(tuple),
        bids=st.lists(ads_of(Side.BID), max_size=3).map(tuple),
        taken_at=times,
        server_time=st.none() | times,
        whole=st.booleans(),
        dropped=st.dictionaries(st.text(max_size=5), st.integers(1, 9), max_size=2),
    )
)
def test_a_book_comes_back_exactly(kept):
    back = unpack_book(pack_book(kept))
    assert back == kept
    # 1.0 and 1.00 are equal, and not the same.
    assert repr(back.asks + back.bids) == repr(kept.asks + kept.bids)


def test_a_book_of_ninety_ads_takes_little_room(read):
    kept = read("binance_p2p").book
    packed = pack_book(kept)
    assert unpack_book(packed) == kept
    assert len(kept.asks) + len(kept.bids) == 90
    assert len(packed) < 4500
    assert len(packed) < len(repr(kept)) / 7


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        zlib.compress(b"nonsense"),
        zlib.compress(b"{}"),
        zlib.compress(b"[]"),
        zlib.compress(b'{"format": 99}'),
        pack_book(book(side_of(["1", "2"])))[:-6],
    ],
)
def test_bytes_that_are_no_book(data):
    with pytest.raises(BrokenBook):
        unpack_book(data)


def test_depth_is_told_per_payment_method_and_for_all():
    asks = [
        ad("10", 100, rank=0, max_order=500, payment_methods=("BANK", "Zinli")),
        ad("10", 50, rank=1, payment_methods=("Zinli",)),
        ad("10.1", 70, rank=2, payment_methods=("BANK",)),
    ]
    levels = depth(book(asks), Side.ASK)
    assert set(levels) == {ALL, "BANK", "Zinli"}
    best = levels[ALL][0]
    assert (best.price, best.quantity, best.fiat, best.offers) == (10, 150, 1000, 2)
    assert [(level.price, level.offers) for level in levels["BANK"]] == [
        (10, 1),
        (Decimal("10.1"), 1),
    ]
    assert [level.offers for level in levels["Zinli"]] == [2]
    assert depth(book(asks), Side.BID) == {ALL: ()}


def test_bids_are_listed_from_the_highest():
    levels = depth(book(bids=side_of(["9", "10", "9.5"], "bid")), Side.BID)[ALL]
    assert [str(level.price) for level in levels] == ["10", "9.5", "9"]
    assert book().taken_at == NOW
