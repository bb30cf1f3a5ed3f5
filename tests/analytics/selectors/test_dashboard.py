"""What the page of one market says beside its chart."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from analytics.selectors.dashboard import EVENTS, market_card
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture
def market():
    found = factories.make_market()
    factories.make_quotes(found, 20)
    return found


def test_the_price_is_of_the_last_late_quote_that_has_one(market):
    last, before = market.prices.order_by("-timestamp")[:2]
    market.prices.filter(pk=last.pk).update(ask=None, price=None)
    card = market_card(market)
    assert card.last.pk == last.pk
    assert card.priced.pk == before.pk
    market.prices.update(ask=None, price=None)
    assert market_card(market).priced is None


def test_each_newest_result_comes_with_the_version_that_made_it(market):
    now = timezone.now()
    old = factories.make_model(market, status="retired")
    active = factories.make_model(market)
    spread = factories.make_model(market, "spread")
    pattern = factories.make_model(market, "pattern")
    factories.make_forecast(active, as_of=now - dt.timedelta(hours=2))
    newest = factories.make_forecast(old, as_of=now - dt.timedelta(hours=1))
    factories.make_forecast(factories.make_model(factories.make_market("A/B@c")), as_of=now)
    made = factories.make_forecast(spread), factories.make_pattern(pattern)
    card = market_card(market)
    assert (card.price, card.price.model) == (newest, old)
    assert (card.spread, card.pattern) == made
    assert (card.spread.model, card.pattern.model) == (spread, pattern)
    assert card.models["price"] == active


def test_the_last_alarms_of_who_answers_now_are_listed_newest_first(market):
    old = factories.make_model(market, "anomaly", "retired")
    active = factories.make_model(market, "anomaly")
    factories.make_event(old)
    factories.make_event(active, score=0.0)
    now = timezone.now()
    alarms = [
        factories.make_event(active, start=now - dt.timedelta(hours=n)) for n in range(EVENTS + 2)
    ]
    found = market_card(market).events
    assert found == alarms[:EVENTS]
    assert {event.model for event in found} == {active}


def test_a_market_without_anything_has_an_empty_card():
    card = market_card(factories.make_market())
    assert (card.last, card.priced, card.price, card.pattern, card.events) == (None,) * 4 + ([],)
