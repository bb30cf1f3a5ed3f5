"""Ads become a quote: what is dropped and why, how a price is taken, and what bait can do."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.venues.book import Side
from analytics.venues.errors import BadVenueConfig, EmptyBook, NonsensePrice
from analytics.venues.quoting.cleaning import CleanRules, clean
from analytics.venues.quoting.condense import quote_book
from analytics.venues.quoting.methods import METHODS, get_method
from tests.analytics.venues.conftest import ad, book, side_of

LADDER = [f"{600 + i}" for i in range(20)]
DOWN = [f"{595 - i}" for i in range(20)]


def reasons(ads, rules=None, reference=None):
    return clean(ads, rules or CleanRules(), reference)[1]


def test_ordinary_ads_all_count_best_first():
    kept, dropped = clean(reversed(side_of(LADDER)))
    assert [str(a.price) for a in kept] == LADDER
    assert dropped == []
    assert [str(a.price) for a in clean(side_of(DOWN, "bid"))[0]] == DOWN


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"price": "300"}, "absurd"),
        ({"price": "560"}, "absurd"),
        ({"price": "1300"}, "absurd"),
        ({"quantity": "0.5"}, "tiny"),
        ({"quantity": "0"}, "tiny"),
        ({"min_order": "70000"}, "unfillable"),
        ({"min_order": "700", "max_order": "600"}, "unfillable"),
        ({"online": False}, "offline"),
        ({"promoted": True, "price": "615"}, "promoted"),
        ({"ad_hash": "ad3"}, "duplicate"),
    ],
)
def test_an_odd_ad_is_dropped_for_its_reason(odd, reason):
    first = ad(**{"price": "600", "rank": -1, **odd})
    ads = [first, *side_of(LADDER)] if reason != "duplicate" else [*side_of(LADDER), first]
    kept, dropped = clean(ads)
    assert dropped == [reason]
    assert len(kept) == 20


def test_a_promoted_ad_in_its_place_counts():
    assert reasons([ad("600", rank=-1, promoted=True), *side_of(LADDER)]) == []


def test_a_bid_is_bait_above_and_hopeless_below():
    assert reasons([ad("660", side="bid", rank=-1), *side_of(DOWN, "bid")]) == ["absurd"]
    assert reasons([*side_of(DOWN, "bid"), ad("290", side="bid", rank=90)]) == ["absurd"]
    assert reasons([*side_of(DOWN, "bid"), ad("320", side="bid", rank=90)]) == []


def test_what_is_wished_is_filtered():
    ads = [
        ad("600", rank=0, payment_methods=("BANK", "Zinli"), completion=Decimal("0.99")),
        ad("601", rank=1, payment_methods=("zinli",), completion=Decimal("0.90"), merchant=True),
        ad("602", rank=2, payment_methods=("Cash",), completion=None),
    ]
    rules = CleanRules(payments=("ZINLI",))
    assert [str(a.price) for a in clean(ads, rules)[0]] == ["600", "601"]
    assert reasons(ads, rules) == ["wrong_payment"]
    assert reasons(ads, CleanRules(merchants_only=True)) == ["not_merchant"] * 2
    assert reasons(ads, CleanRules(min_completion=Decimal("0.95"))) == ["low_completion"] * 2


def test_a_reference_price_judges_a_side_that_agrees_on_nonsense():
    assert reasons(side_of(LADDER), reference=Decimal(300)) == ["off_reference"] * 20
    assert reasons(side_of(LADDER), reference=Decimal(600)) == []


def test_the_naive_price_is_the_most_frequent_of_the_best_tenth():
    prices = ["599", "600", "600", *[str(601 + i) for i in range(27)]]
    assert get_method("naive").take(clean(side_of(prices))[0]) == 600
    distinct = [str(600 + i) for i in range(30)]
    assert get_method("naive").take(clean(side_of(distinct))[0]) == 600


@pytest.mark.parametrize(
    ("method", "price"),
    [("naive", "600"), ("median_first", "609.5"), ("near_median", "600"), ("vwap", "609.5")],
)
def test_each_method_on_a_ladder(method, price):
    assert quote_book(book(side_of(LADDER)), method=method).ask.price == Decimal(price)


def test_an_unknown_method_is_refused_with_the_choices():
    with pytest.raises(BadVenueConfig) as caught:
        get_method("mean")
    assert "near_median" in caught.value.fields["method"]


def test_figures_of_a_side():
    ads = [
        ad("600", 100, rank=0, advertiser_hash="a"),
        ad("601", 300, rank=1, advertiser_hash="b"),
        ad("602", 100, rank=2, advertiser_hash="a"),
    ]
    ask = quote_book(book(ads)).ask
    assert (ask.offers, ask.volume) == (3, 500)
    assert ask.vwap == Decimal("601")
    assert ask.concentration == Decimal("0.6")


def test_one_side_alone_and_none():
    quote = quote_book(book(side_of(LADDER)))
    assert quote.bid is None
    assert quote.notes == ("one_sided",)
    assert quote.mid is None
    with pytest.raises(EmptyBook) as caught:
        quote_book(book([ad("600", online=False)]))
    assert caught.value.details["dropped"] == {"ask:offline": 1}


def test_crossed_sides_are_said_and_mixed_up_ones_refused():
    crossed = quote_book(book(side_of(LADDER), side_of([str(620 - i) for i in range(20)], "bid")))
    assert "crossed" in crossed.notes
    assert crossed.crossed
    with pytest.raises(NonsensePrice):
        quote_book(book(side_of(LADDER), side_of([str(900 - i) for i in range(20)], "bid")))


def test_what_was_dropped_is_counted_by_side_and_reason():
    asks = [ad("300", rank=-1), ad("301", rank=-2), *side_of(LADDER)]
    given_book = book(asks, side_of(DOWN, "bid"), dropped={"ask:duplicate": 2})
    assert quote_book(given_book).dropped == {"ask:absurd": 2, "ask:duplicate": 2}


@settings(max_examples=60, deadline=None)
@given(
    side=st.sampled_from([Side.ASK, Side.BID]),
    prices=st.lists(st.integers(10_000, 10_150), min_size=12, max_size=60),
    bait=st.lists(st.floats(0.2, 0.8), min_size=1, max_size=4),
    method=st.sampled_from(sorted(METHODS)),
)
def test_bait_below_half_of_the_best_ten_hardly_moves_a_price(side, prices, bait, method):
    """However good the bait: what counts afterwards are honest ads only."""
    away = 1 if side is Side.ASK else -1
    ordered = sorted(prices, key=lambda p: away * p)
    honest = side_of([str(p) for p in ordered], side)
    factor = [Decimal(str(round(b if side is Side.ASK else 1 / b, 3))) for b in bait]
    baits = [
        ad(Decimal(10_000) * f, side=side, rank=1000 + i, ad_hash=f"bait{i}")
        for i, f in enumerate(factor)
    ]
    kept, dropped = clean([*honest, *baits])
    assert dropped.count("absurd") >= len(bait)
    assert not [a for a in kept if a.ad_hash.startswith("bait")]
    price = METHODS[method].take(kept)
    assert min(prices) <= price <= max(prices)


@settings(max_examples=60, deadline=None)
@given(
    prices=st.lists(st.decimals(Decimal("0.5"), Decimal(2000), places=3), min_size=1, max_size=40),
    side=st.sampled_from(["ask", "bid"]),
    method=st.sampled_from(sorted(METHODS)),
)
def test_a_price_lies_between_the_best_and_the_worst_that_count(prices, side, method):
    ads = side_of([str(p) for p in prices], side)
    kept, dropped = clean(ads)
    assert len(kept) + len(dropped) == len(ads)
    if kept:
        low, high = min(a.price for a in kept), max(a.price for a in kept)
        rounding = Decimal("1e-9")
        assert low - rounding <= METHODS[method].take(kept) <= high + rounding
