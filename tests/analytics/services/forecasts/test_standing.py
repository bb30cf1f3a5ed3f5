"""Several markets are found at once by whatever finds one, and stand as each does alone."""

from __future__ import annotations

import datetime as dt

import pytest

from analytics.exceptions import AnalyticsError
from analytics.models import Market
from analytics.selectors.glimpse import glimpsed
from analytics.selectors.models import model_answering, serving_list
from analytics.selectors.prices import market_counters, market_get, moment_before, newest_moment
from analytics.services.forecasts.standing import markets_standing
from tests.factories import make_market, make_model, make_quotes

pytestmark = pytest.mark.django_db

END = dt.datetime(2026, 5, 1, 12, 7, 30, 123456, tzinfo=dt.UTC)


@pytest.fixture
def markets() -> list[Market]:
    found = [make_market(f"USDT/{name}") for name in ("BOB@one", "BOB@two", "VES@one", "ARS@one")]
    for k, market in enumerate(found[:3]):
        make_quotes(market, 5 + k, end=END - dt.timedelta(minutes=k))
    for task in ("price", "spread"):
        make_model(found[0], task)
    for status in ("candidate", "retired", "candidate", "candidate"):
        make_model(found[1], "price", status=status)
    return found


def alone(ref: str) -> Market | None:
    try:
        return market_get(ref)
    except AnalyticsError:
        return None


def test_each_is_found_by_what_finds_it_alone(markets):
    refs = [
        *("USDT/BOB@one", "usdt/bob@TWO", " USDT/VES ", "ves", "USDT/BOB", "USDT/", ""),
        *("USDT/ARS@one", "USDT/ARS@two", "½", "²", "9" * 60, "0", "-1", "USDT/BÖB@one"),
        *(f"{market.pk}" for market in markets),
        *(f" 0{market.pk} " for market in markets),
    ]
    found = markets_standing(refs, task="price")
    # Nothing is no market here, though alone it is the only one that there is.
    expected = {ref: market for ref in refs if (market := alone(ref)) is not None}
    assert {ref: one.market for ref, one in found.items()} == expected
    assert len(expected) == 3 + 1 + 8
    assert markets_standing([], task="price") == {}
    assert markets_standing(["½"], task="price") == {}


@pytest.mark.parametrize("minutes", [-1, 0, 45, 10_000])
@pytest.mark.parametrize("task", ["price", "spread"])
def test_each_stands_as_it_does_alone(markets, django_assert_num_queries, minutes, task):
    at = END - dt.timedelta(minutes=minutes)
    with django_assert_num_queries(3):
        found = markets_standing([market.symbol for market in markets], task=task, at=at)

    def stands(market: Market) -> list:
        versions = [model_answering(market.pk, task) for task in ("price", "spread", "pattern")]
        counters = market_counters(market)
        who = [(one.model, one.model.status, one.source) for one in serving_list(market, task)]
        return [counters, newest_moment(market), moment_before(market, at), versions, who]

    for market in markets:
        one = found[market.symbol]
        with glimpsed(one.glimpse):
            seen = stands(one.market)
        assert seen == stands(market)
    assert found[markets[0].symbol].market.cadence_minutes == markets[0].cadence_minutes
