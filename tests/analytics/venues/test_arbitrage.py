"""Differences across venues and around cycles: after costs, for an amount, from fresh prices."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from analytics.venues.arbitrage import Costs, Fees, across_venues, cycles, fresh
from analytics.venues.book import Pair, SideQuote, VenueQuote
from analytics.venues.errors import BadVenueConfig
from tests.analytics.venues.conftest import NOW, ad, book

D = Decimal
HUNDRED = D(1000)


def quote(venue, ask, bid, fiat="VES", asset="USDT", age=0):
    return VenueQuote(
        venue=venue,
        pair=Pair(asset, fiat),
        taken_at=NOW - dt.timedelta(seconds=age),
        method="naive",
        ask=SideQuote(price=D(ask)) if ask else None,
        bid=SideQuote(price=D(bid)) if bid else None,
    )


def test_buying_here_and_selling_there():
    found = across_venues([quote("a", "10", "9.9"), quote("b", "10.6", "10.5")], HUNDRED, now=NOW)
    assert len(found) == 1
    chance = found[0]
    assert (chance.buy.venue, chance.sell.venue) == ("a", "b")
    assert chance.buy.got == 100
    assert chance.end == 1050
    assert chance.gain == D("0.05")
    assert chance.assured is False


def test_costs_of_every_step_are_paid():
    costs = Costs(
        trade=Fees(percent=D("0.1")),
        trade_at={"b": Fees(percent=D(1), fixed=D(2))},
        transfer_from={"a": Fees(fixed=D("0.5"))},
    )
    chance = across_venues(
        [quote("a", "10", None), quote("b", None, "10.5")], HUNDRED, now=NOW, costs=costs
    )[0]
    bought = D(1000) * D("0.999") / 10
    sold = (bought - D("0.5")) * D("0.99") * D("10.5") - 2
    assert chance.end == sold.quantize(D("0.01"), "ROUND_FLOOR")
    assert chance.gain == chance.end / 1000 - 1


def test_costs_above_the_difference_leave_nothing():
    costs = Costs(trade=Fees(percent=D(3)))
    markets = [quote("a", "10", None), quote("b", None, "10.5")]
    assert across_venues(markets, HUNDRED, now=NOW, costs=costs) == []
    assert across_venues(markets, HUNDRED, now=NOW, least_gain=D("0.06")) == []


@pytest.mark.parametrize("age", [601, 86_400, -5])
def test_an_old_price_or_one_of_the_future_is_not_used(age):
    markets = [quote("a", "10", None, age=age), quote("b", None, "10.5")]
    assert across_venues(markets, HUNDRED, now=NOW) == []
    assert len(fresh(markets, NOW)) == 1


def test_other_fiats_and_assets_are_not_mixed():
    markets = [quote("a", "10", None), quote("b", None, "10.5", fiat="BOB"),
               quote("c", None, "10.5", asset="BTC")]  # fmt: skip
    assert across_venues(markets, HUNDRED, now=NOW) == []


def test_a_crossed_book_is_a_chance_within_one_venue():
    crossed = book([ad("10", 500)], [ad("10.2", 500, side="bid")])
    chance = across_venues([crossed], HUNDRED, now=NOW)[0]
    assert chance.buy.venue == chance.sell.venue == "somewhere"
    assert chance.assured


def test_books_count_for_the_amount_only():
    """The best price is for small orders: for the amount there is no gain."""
    buy = book([ad("10", 10, rank=0), ad("11", 500, rank=1)], venue="a")
    sell = book(bids=[ad("10.5", 500, side="bid")], venue="b")
    assert across_venues([buy, sell], D(90), now=NOW)[0].gain > D("0.04")
    assert across_venues([buy, sell], HUNDRED, now=NOW) == []


def test_what_cannot_be_filled_in_full_is_no_chance():
    buy = book([ad("10", 50)], venue="a")
    sell = book(bids=[ad("10.5", 500, side="bid", min_order=400)], venue="b")
    assert across_venues([buy, sell], HUNDRED, now=NOW) == []
    assert across_venues([buy, sell], D(100), now=NOW) == []
    assert across_venues([buy, sell], D(450), now=NOW)


def test_a_cycle_implies_a_cross_rate():
    markets = [quote("a", "420", "418"), quote("a", "12.6", "12.5", fiat="BOB")]
    found = cycles(markets, {"VES": D(420_000)}, now=NOW, rates={("VES", "BOB"): D("0.029")})
    assert len(found) == 1
    cycle = found[0]
    assert cycle.buy.pair.fiat == "VES"
    assert cycle.sell.pair.fiat == "BOB"
    assert cycle.end == 12_500
    assert cycle.rate == D(12_500) / 420_000
    assert cycle.beats == cycle.rate / D("0.029") - 1
    assert cycle.gain is None


def test_cycles_go_both_ways_and_need_an_amount():
    markets = [quote("a", "420", "418"), quote("b", "12.6", "12.5", fiat="BOB")]
    both = cycles(markets, {"VES": D(1000), "BOB": D(100)}, now=NOW)
    assert {(c.buy.pair.fiat, c.sell.pair.fiat) for c in both} == {("VES", "BOB"), ("BOB", "VES")}
    assert all(c.beats is None for c in both)


def test_the_best_comes_first():
    markets = [quote("a", "10", None), quote("b", None, "10.5"), quote("c", None, "10.7")]
    assert [c.sell.venue for c in across_venues(markets, HUNDRED, now=NOW)] == ["c", "b"]


@pytest.mark.parametrize("fees", [{"percent": D(-1)}, {"percent": D(100)}, {"fixed": D(-1)}])
def test_fees_that_cannot_be(fees):
    with pytest.raises(BadVenueConfig):
        Fees(**fees)
