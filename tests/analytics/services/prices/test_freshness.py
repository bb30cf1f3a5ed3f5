"""A market that falls silent is noticed once, and once more when it is quoted again."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from analytics.events import Event, MarketFresh, MarketStale, subscribed
from analytics.models import Market
from analytics.selectors.prices import market_freshness
from analytics.services.prices.freshness import markets_watch
from tests import factories

NOW = timezone.now()
LATER = NOW + dt.timedelta(hours=4)
MUCH_LATER = NOW + dt.timedelta(hours=9)


@pytest.fixture
def market(db) -> Market:
    market = factories.make_market()
    factories.make_quotes(market, 3, end=NOW)
    return market


@pytest.fixture
def told():
    found: list[Event] = []
    with subscribed(found.append, MarketStale, MarketFresh, durable=True):
        yield found


def test_a_market_becomes_stale_once_and_fresh_once(market, told):
    assert markets_watch(now=NOW) == []
    stale = MarketStale(market_id=market.pk, last_quote_at=NOW)
    assert markets_watch(now=LATER) == [stale]
    assert markets_watch(now=LATER) == []
    market.refresh_from_db()
    assert market.stale_since == LATER
    factories.make_quotes(market, 1, end=LATER)
    fresh = MarketFresh(market_id=market.pk, last_quote_at=LATER, stale_since=LATER)
    assert markets_watch(now=LATER) == [fresh]
    assert markets_watch(now=LATER) == []
    again = MarketStale(market_id=market.pk, last_quote_at=LATER)
    assert markets_watch(now=MUCH_LATER) == [again]
    assert told == [stale, fresh, again]


def test_it_is_stale_exactly_when_every_page_says_so(market, told):
    for minutes in (170, 180, 181):
        now = NOW + dt.timedelta(minutes=minutes)
        assert bool(markets_watch(now=now)) is market_freshness(market, now=now)["stale"]
    assert len(told) == 1


def test_a_market_without_quotes_is_neither(db, told):
    factories.make_market()
    assert markets_watch() == []


def test_a_subscriber_that_fails_keeps_no_other_market_from_being_noticed(market, told, caplog):
    other = factories.make_market("USDT/VES@x")
    factories.make_quotes(other, 1, end=NOW)

    def fail(event: MarketStale) -> None:
        if event.market_id == market.pk:
            raise ZeroDivisionError

    with subscribed(fail, MarketStale, durable=True):
        assert [change.market_id for change in markets_watch(now=LATER)] == [other.pk]
    assert market.symbol in caplog.text
    assert [change.market_id for change in markets_watch(now=LATER)] == [market.pk]
