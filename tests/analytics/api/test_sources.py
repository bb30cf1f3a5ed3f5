"""Sources through the API: made, changed, switched on, tried; secrets are never shown."""

from __future__ import annotations

import pytest
from django.utils import translation

from analytics.models import MarketSource, PriceHistory
from analytics.services.collection.sources import HIDDEN, SEALED, source_order
from analytics.venue_words import REASONS
from analytics.venues import errors
from tests import factories
from tests.playing.server import PlayingServer
from tests.venue_server import markets

from .conftest import assert_error

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
SECRET = "a key that nobody else may see"
JSON = {
    "url": "https://www.dolarito.ar/api/frontend/quotations",
    "ask": "quotations.cripto.sell",
    "headers": {"X-Key": SECRET},
}


@pytest.fixture
def served(settings):
    """Marketplaces that play, in real time."""
    settings.ANALYTICS = {**settings.ANALYTICS, "ALLOW_PRIVATE_ADDRESSES": True}
    with PlayingServer(markets()) as server:
        yield server


def test_a_source_is_switched_off_until_it_is_switched_on(api, market):
    made = api.post("sources", {"market": market.symbol, "venue": "binance_p2p"})
    assert made.status_code == 201
    source = made.json()
    assert (source["enabled"], source["market"]) == (False, market.symbol)
    path = f"sources/{source['id']}"
    changed = api("PATCH", path, {"enabled": True, "interval_seconds": 60})
    assert (changed.json()["enabled"], changed.json()["interval_seconds"]) == (True, 60)
    assert api.get(path).json() == changed.json()
    assert api.get("sources?enabled=false").json()["count"] == 0
    assert api.get(f"sources?market={market.pk}").json()["count"] == 1
    assert api("DELETE", path).status_code == 204
    assert not MarketSource.objects.exists()


def test_a_second_source_of_a_market_is_a_conflict(api, market):
    factories.make_source(market)
    body = {"market": market.symbol, "venue": "yadio"}
    assert_error(api.post("sources", body), 409, "source_exists")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"venue": "nowhere"}, "unknown_venue", "venue"),
        ({"venue": "okx_p2p", "options": {"max_page": 3}}, "bad_venue_config", "max_page"),
        ({"venue": "okx_p2p", "options": []}, "bad_source", "options"),
        ({"venue": "okx_p2p", "method": "mean"}, "bad_venue_config", "method"),
        ({"venue": "okx_p2p", "interval_seconds": 1}, "invalid", "interval_seconds"),
        ({"venue": "okx_p2p", "keep_book_days": -1}, "invalid", "keep_book_days"),
        ({"venue": "okx_p2p", "enabled": "perhaps"}, "invalid", "enabled"),
        ({"venue": "okx_p2p", "readings": 7}, "unknown_parameter", "readings"),
        ({}, "invalid", "venue"),
    ],
)
def test_a_wrong_source_names_what_is_wrong(refused, market, body, code, field):
    refused("sources", body, code=code, field=field)


def test_a_secret_is_stored_and_never_shown(api, market):
    body = {"market": market.symbol, "venue": "json", "options": JSON}
    made = api.post("sources", body)
    assert made.status_code == 201
    path = f"sources/{made.json()['id']}"
    options = made.json()["options"]
    assert options["headers"] == HIDDEN
    changed = api("PATCH", path, {"options": {**options, "bid": "quotations.cripto.buy"}})
    assert changed.status_code == 200
    for answer in (made, changed, api.get(path), api.get("sources")):
        assert SECRET not in answer.content.decode()
    stored = MarketSource.objects.get().options
    assert stored["headers"].startswith(SEALED)
    assert SECRET not in str(stored)
    assert source_order(MarketSource.objects.get()).options.headers == {"X-Key": SECRET}
    assert stored["bid"] == "quotations.cripto.buy"


def test_a_changed_source_is_due_at_once(api, market):
    source = factories.make_source(market)
    MarketSource.objects.update(next_due_at="2200-01-01T00:00Z", readings=7)
    api("PATCH", f"sources/{source.pk}", {"interval_seconds": 900})
    source.refresh_from_db()
    assert (source.next_due_at, source.readings) == (None, 7)


def test_venues_explain_themselves(api):
    venues = {venue["name"]: venue for venue in api.get("sources/venues").json()}
    assert len(venues) >= 9
    assert venues["bybit_p2p"]["sides"]["ask"].startswith('side "1"')
    option = next(o for o in venues["okx_p2p"]["options"] if o["name"] == "max_pages")
    assert (option["low"], option["high"], option["default"]) == (1, 100, 15)
    assert next(o for o in venues["json"]["options"] if o["name"] == "headers")["secret"]


# --------------------------------------------------------------------------------------- dry run
def test_a_dry_run_shows_the_quote(api, served):
    market = factories.make_market("USDT/VES@okx_p2p")
    source = factories.make_source(market, options={"base_url": served.url})
    answer = api.post(f"sources/{source.pk}/dry-run")
    assert answer.status_code == 200
    assert answer.json()["quote"]["ask"] > answer.json()["quote"]["bid"] > 0
    assert not PriceHistory.objects.exists()


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("html", 502, "not_json"), ("rate_limited_long", 503, "rate_limited")],
)
def test_a_venues_fault_is_not_ours(api, served, fault, status, code):
    market = factories.make_market("USDT/VES@yadio")
    source = factories.make_source(market, "yadio", options={"base_url": served.url})
    served.break_venue("yadio", fault)
    spanish = {"accept-language": "es"}
    found = assert_error(api.post(f"sources/{source.pk}/dry-run", **spanish), status, code)
    assert found["reason"].startswith("La plataforma respondió")
    with translation.override("es"):
        assert found["message"] == str(REASONS[code]) != found["reason"]
    if status == 503:
        again = api.post(f"sources/{source.pk}/dry-run")
        assert_error(again, 503, "circuit_open")
        assert 0 < int(again["Retry-After"]) <= 901


def test_a_private_address_is_refused_unless_the_setting_allows_it(api, served, settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "ALLOW_PRIVATE_ADDRESSES": False}
    market = factories.make_market("USDT/VES@yadio")
    source = factories.make_source(market, "yadio", options={"base_url": served.url})
    assert_error(api.post(f"sources/{source.pk}/dry-run"), 502, "forbidden_address")
    assert served.requests == []


def test_every_reason_has_its_sentence():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {k.code for k in kinds if issubclass(k, errors.CollectionError)}
    assert len(codes) > 20
    assert codes - REASONS.keys() == set()
