"""One quote is checked, merged and told as many are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from analytics import events
from analytics.exceptions import InvalidInput
from analytics.models import Market, PriceHistory
from analytics.services.prices.posting import price_bulk_add
from analytics.services.prices.single import quote_add
from tests import factories

pytestmark = pytest.mark.django_db
AT = dt.datetime(2026, 5, 4, 12, 0, 1, 678473, tzinfo=dt.UTC)
GOOD = {"bid": Decimal("9.31"), "ask": Decimal("9.35")}


def both(figures: dict, at: dt.datetime = AT) -> list[dict | set[str]]:
    """What one quote alone leaves, and the same one in bulk: figures, or the names of bad ones."""
    found: list[dict | set[str]] = []
    for name in ("alone", "bulk"):
        market, _made = Market.objects.get_or_create(asset="USDT", fiat="BOB", exchange=name)
        try:
            if name == "alone":
                quote_add(market=market, timestamp=at, figures=figures)
            else:
                row = {"timestamp": at.isoformat(), **figures}
                price_bulk_add(rows=[row], market=market)
        except InvalidInput as error:
            found.append(
                {error.code} - {"bad_rows"} | {path.rpartition(".")[2] for path in error.fields}
            )
        else:
            quote = PriceHistory.objects.get(market=market, timestamp=at)
            names = [column.name for column in PriceHistory.SCHEMA]
            found.append({name: getattr(quote, name) for name in names})
    return found


@pytest.mark.parametrize(
    "figures",
    [
        GOOD,
        {"price": Decimal("41000000.1234567")},
        {"bid": Decimal("0.00001"), "bid_volume": Decimal("0"), "bid_offers": 0},
        {**GOOD, "ask_vwap": Decimal("9.35123456789"), "ask_volume": Decimal("12.123456784")},
        {**GOOD, "bid_offers": 45, "ask_offers": None},
        {"bid": Decimal(0)},
        {"ask": Decimal("1e-12")},
        {"bid": Decimal("-1")},
        {"bid": Decimal("NaN")},
        {"bid": Decimal("Infinity")},
        {"bid": Decimal("1e20")},
        {**GOOD, "bid_volume": Decimal("1e21")},
        {**GOOD, "bid_volume": Decimal("-1")},
        {**GOOD, "bid_offers": Decimal("1.5")},
        {**GOOD, "bid_offers": 2**31},
        {"bid_volume": Decimal("7")},
        {},
    ],
)
def test_one_quote_leaves_what_many_leave(figures):
    alone, bulk = both(figures)
    if isinstance(bulk, set):
        assert alone == bulk
        return
    for name, value in bulk.items():
        assert (alone[name] is None) == (value is None), name
        assert value is None or float(alone[name]) == pytest.approx(float(value), rel=1e-14), name


def test_a_moment_outside_of_time_is_refused_by_both():
    alone, bulk = both(GOOD, dt.datetime(2300, 1, 1, tzinfo=dt.UTC))
    assert alone == bulk == {"timestamp"}


def test_later_figures_are_laid_over_earlier_ones_and_unknown_ones_erase_nothing():
    both(GOOD)
    alone, bulk = both({"bid": Decimal("9.32"), "ask": None, "ask_offers": 3})
    assert alone == bulk
    assert (float(alone["bid"]), float(alone["ask"]), alone["ask_offers"]) == (9.32, 9.35, 3)


@pytest.mark.django_db(transaction=True)
def test_a_quote_is_told_once_and_moves_the_counters_as_many_do():
    market, told = factories.make_market(), []
    with events.subscribed(told.append, events.QuotesStored):
        assert quote_add(market=market, timestamp=AT, figures=GOOD)
        assert not quote_add(market=market, timestamp=AT, figures=GOOD)
        market.refresh_from_db()
        assert (market.revision, market.rewrites) == (1, 0)
        assert quote_add(market=market, timestamp=AT, figures={"bid": Decimal("9.3")})
    assert told == [events.QuotesStored(market_ids=(market.pk,))] * 2
    market.refresh_from_db()
    assert (market.revision, market.rewrites) == (2, 1)
