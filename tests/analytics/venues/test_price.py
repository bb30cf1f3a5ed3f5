"""The price for an amount: right, not greedy; never better than the best price; nothing lost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analytics.venues.errors import BadVenueConfig
from analytics.venues.price import FIAT_STEP, price_for_amount
from analytics.venues.quoting.cleaning import CleanRules, capacity
from tests.analytics.venues.conftest import ad, book

D = Decimal
#: Ads of these tests are all honest: nothing is to be dropped as tiny or absurd.
TRUSTING = CleanRules(tiny_share=D(0), tightest=D(9), widest=D(9), hopeless=D(9))


THOUSAND = D(1000)


def priced(ads, direction="buy", amount=THOUSAND, currency="fiat", **more):
    side = "asks" if direction == "buy" else "bids"
    more["rules"] = TRUSTING
    return price_for_amount(book(**{side: ads}), direction, amount, currency, **more)


def test_one_ad_is_enough():
    result = priced([ad("10", 1000, min_order=100, max_order=5000)])
    assert (result.fiat, result.asset, result.price) == (1000, 100, 10)
    assert result.slippage == 0
    assert result.complete
    assert result.proven
    assert [o.ad_hash for o in result.orders] == ["ad0"]


def test_an_ad_whose_minimum_is_above_the_amount_is_not_used():
    ads = [ad("9", 1000, min_order=5000, rank=0), ad("10", 1000, min_order=10, rank=1)]
    result = priced(ads)
    assert result.price == 10
    assert result.best == 9
    assert result.slippage == D("0.11111111")


def test_an_ad_whose_minimum_is_above_the_remainder_makes_another_one_give_way():
    """From the best price down: 900 from the first, and nobody takes the remaining 100."""
    ads = [
        ad("10", 1000, min_order=100, max_order=900, rank=0),
        ad("10.1", 1000, min_order=500, max_order=2000, rank=1),
    ]
    result = priced(ads)
    assert [o.fiat for o in result.orders] == [500, 500]
    assert result.complete


def test_leaving_out_the_best_ad_can_be_best():
    ads = [
        ad("10", 1000, min_order=600, max_order=600, rank=0),
        ad("10.01", 1000, min_order=1000, max_order=1000, rank=1),
    ]
    assert [o.ad_hash for o in priced(ads).orders] == ["ad1"]


def test_money_that_could_only_be_used_badly_stays():
    ads = [
        ad("10", 1000, min_order=100, max_order=1000, rank=0),
        ad("20", 1000, min_order=800, max_order=5000, rank=1),
    ]
    result = priced(ads, amount=D(1001))
    assert (result.asset, result.remainder) == (100, 1)
    wanted = priced(ads, amount=D("100.05"), currency="asset")
    assert wanted.complete
    assert [o.asset for o in wanted.orders] == [D("60.05"), D(40)]


def test_an_ad_is_taken_once():
    result = priced([ad("10", 1000, min_order=10, max_order=300)])
    assert (result.filled, result.remainder) == (300, 700)
    assert not result.complete


def test_selling_takes_the_highest_bids():
    ads = [ad("10", 50, side="bid", rank=0), ad("9.5", 500, side="bid", rank=1)]
    result = priced(ads, "sell", D(100), "asset")
    assert result.fiat == 50 * 10 + 50 * D("9.5")
    assert result.slippage == D("0.025")
    target = priced(ads, "sell", D(975), "fiat")
    assert (target.fiat, target.asset) == (975, 100)


def test_payment_and_completion_are_wished():
    ads = [
        ad("9", 1000, rank=0, payment_methods=("Cash",), completion=D("0.99")),
        ad("10", 1000, rank=1, payment_methods=("Zinli",), completion=D("0.8")),
        ad("11", 1000, rank=2, payment_methods=("Zinli", "BANK"), completion=D("0.97")),
    ]
    assert priced(ads, payment="zinli").price == 10
    assert priced(ads, payment="zinli", min_completion=D("0.95")).price == 11
    assert priced(ads, payment="").price == 9
    none = priced(ads, payment="PagoMovil")
    assert (none.price, none.filled, none.remainder, none.orders) == (None, 0, 1000, ())
    assert none.dropped == {"wrong_payment": 3}


def test_bait_is_not_what_a_person_would_pay():
    honest = [ad(str(600 + i), 100, rank=i) for i in range(15)]
    baited = book([ad("300", 100, rank=-1), *honest])
    result = price_for_amount(baited, "buy", D(6000))
    assert result.best == 600
    assert result.dropped == {"absurd": 1}


def test_what_the_book_takes_is_said():
    result = priced([ad("10", 10, min_order=50), ad("11", 10, min_order=20, rank=1)], amount=D(5))
    assert (result.least, result.most) == (20, 210)
    assert result.filled == 0


def test_an_empty_book_fills_nothing():
    result = priced([])
    assert (result.price, result.best, result.least, result.most) == (None, None, None, 0)
    assert result.remainder == 1000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"direction": "hold"}, "side"),
        ({"amount": D(0)}, "amount"),
        ({"amount": D(-1)}, "amount"),
        ({"amount": D("NaN")}, "amount"),
        ({"amount": D("Infinity")}, "amount"),
        ({"currency": "gold"}, "currency"),
        ({"max_orders": 0}, "max_orders"),
    ],
)
def test_a_wrong_wish_names_what_is_wrong(changes, field):
    given_ = {"direction": "buy", "amount": D(10), "currency": "fiat", **changes}
    direction, amount, currency = (given_.pop(n) for n in ("direction", "amount", "currency"))
    with pytest.raises(BadVenueConfig) as caught:
        price_for_amount(book(), direction, amount, currency, **given_)
    assert field in caught.value.fields


# ---------------------------------------------------------------------------------- properties
money = st.integers(1, 400).map(lambda n: D(n * 5))
prices = st.integers(900, 1100).map(lambda n: D(n) / 100)


@st.composite
def books(draw, side="ask", most=7):
    ads = []
    for rank in range(draw(st.integers(1, most))):
        low, more = draw(money), draw(money)
        ads.append(
            ad(
                draw(prices),
                draw(st.integers(1, 400)),
                side=side,
                rank=rank,
                min_order=low,
                max_order=low + more,
            )
        )
    return ads


doing = st.sampled_from([("buy", "fiat"), ("buy", "asset"), ("sell", "fiat"), ("sell", "asset")])


@settings(max_examples=150, deadline=None)
@given(st.data(), doing, st.integers(1, 5000).map(D))
def test_every_answer_is_possible_and_adds_up(data, how, amount):
    direction, currency = how
    ads = data.draw(books("ask" if direction == "buy" else "bid"))
    result = priced(ads, direction, amount, currency)
    known = {a.ad_hash: a for a in ads}
    assert result.filled + result.remainder == amount
    assert result.remainder >= 0
    assert len({o.ad_hash for o in result.orders}) == len(result.orders) <= 8
    assert sum((getattr(o, currency) for o in result.orders), D(0)) == result.filled
    assert sum((o.fiat for o in result.orders), D(0)) == result.fiat
    assert sum((o.asset for o in result.orders), D(0)) == result.asset
    for order in result.orders:
        its = known[order.ad_hash]
        assert its.min_order <= order.fiat <= capacity(its)
        assert order.asset <= its.quantity
    if result.orders:
        never_better = (
            result.price >= result.best if direction == "buy" else result.price <= result.best
        )
        assert never_better
        assert result.slippage >= 0


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(["buy", "sell"]), money, money)
def test_more_money_never_brings_less(data, direction, amount, more):
    ads = data.draw(books("ask" if direction == "buy" else "bid"))
    currency = "fiat" if direction == "buy" else "asset"
    got = "asset" if direction == "buy" else "fiat"
    less, most = (priced(ads, direction, a, currency) for a in (amount, amount + more))
    assert getattr(most, got) >= getattr(less, got) - D("1e-6")


@settings(max_examples=80, deadline=None)
@given(st.data(), doing, money)
def test_another_ad_never_makes_it_worse(data, how, amount):
    direction, currency = how
    ads = data.draw(books("ask" if direction == "buy" else "bid"))
    assume(len(ads) > 1)
    fewer, all_ = (priced(a, direction, amount, currency) for a in (ads[:-1], ads))
    given_, got = ("fiat", "asset") if direction == "buy" else ("asset", "fiat")
    assert all_.proven
    assert fewer.proven
    if currency == got:
        assert all_.filled >= fewer.filled
        if all_.filled == fewer.filled:
            assert getattr(all_, given_) <= getattr(fewer, given_) + FIAT_STEP / 1000
    else:
        assert getattr(all_, got) >= getattr(fewer, got) - D("1e-6")
