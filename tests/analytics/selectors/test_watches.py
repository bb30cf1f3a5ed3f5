"""A watch is called one that watches only where every new quote is scored as it should be."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from analytics.models import AnomalyWatch
from analytics.selectors.watches import watch_state, watch_states
from tests import factories

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def market():
    made = factories.make_market()
    factories.make_quotes(made, 5)
    return made


@pytest.fixture
def watch(market):
    """One that watches: it scored the newest quote just now."""
    now = timezone.now()
    return AnomalyWatch.objects.create(
        market=market,
        model=factories.make_model(market, "anomaly"),
        source="network",
        scored_until=market.prices.latest().timestamp,
        last_score=0.01,
        state="watching",
        since=now - HOUR,
        warming_up=False,
    )


def change(watch, **fields):
    AnomalyWatch.objects.filter(pk=watch.pk).update(**fields)


def test_it_watches_while_nothing_is_wrong(market, watch):
    found = watch_state(market)
    assert (found.state, found.good, found.since) == ("watching", True, watch.since)


@pytest.mark.parametrize(
    "state",
    [
        "columns_missing",
        "other_cadence",
        "unscored",
        "fallback",
        "baseline",
        "warming_up",
        "broken",
        "failed",
    ],
)
def test_what_the_last_look_came_to_is_told_with_its_reason(market, watch, state):
    change(watch, state=state, detail="bid_volume")
    found = watch_state(market)
    assert (found.state, found.good, found.since) == (state, False, watch.since)
    assert found.detail == ("" if state == "warming_up" else "bid_volume")


def test_quotes_that_stop_are_named_since_the_last_one(market, watch):
    last = market.prices.latest().timestamp
    found = watch_state(market, now=last + 12 * HOUR)
    assert (found.state, found.since) == ("stale", last)


def test_a_model_that_cannot_be_read_is_worse_than_stale_quotes(market, watch):
    change(watch, state="broken")
    assert watch_state(market, now=timezone.now() + 12 * HOUR).state == "broken"


def test_quotes_that_nobody_looks_at_are_named(market, watch):
    factories.make_quotes(market, 1, end=timezone.now() + dt.timedelta(minutes=1))
    assert watch_state(market).good
    late = timezone.now() + dt.timedelta(minutes=25)
    found = watch_state(market, now=late)
    assert (found.state, found.since) == ("behind", AnomalyWatch.objects.get().checked_at)


def test_quotes_that_stand_still_are_named_while_they_do(market, watch):
    event = factories.make_event(watch.model, kind="stuck", is_open=True)
    found = watch_state(market)
    assert (found.state, found.since) == ("stuck", event.start)
    event.is_open = False
    event.save()
    assert watch_state(market).good


def test_a_version_that_was_deleted_watches_no_more(market, watch):
    watch.model.delete()
    assert watch_state(market).state == "no_model"


def test_a_market_that_was_never_looked_at(market):
    assert watch_state(market).state == "no_model"
    factories.make_model(market, "anomaly")
    assert watch_state(market).state == "behind"
    market.prices.all().delete()
    assert watch_state(market).state == "no_quotes"


def test_many_markets_are_read_at_once(market, watch, django_assert_num_queries):
    for fiat in ("VES", "ARS"):
        factories.make_quotes(factories.make_market(f"USDT/{fiat}@x"), 2)
    factories.make_market("USDT/EUR@empty")
    with django_assert_num_queries(3):
        found = {one.market.fiat: one.state for one in watch_states()}
    assert found == {"BOB": "watching", "VES": "no_model", "ARS": "no_model"}
