"""Sources in the admin: added, switched on, tried; what cannot be used is said at its field."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from analytics.models import MarketSource, PriceHistory, VenueStatus
from analytics.services.collection.sources import HIDDEN, source_order
from tests import factories
from tests.playing.server import PlayingServer
from tests.venue_server import markets

from .conftest import act, url

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture
def market():
    return factories.make_market("USDT/VES@yadio")


def form(market, **values):
    given = {"market": market.pk, "venue": "yadio", "options": "{}", "interval_seconds": 300}
    return {**given, "keep_book_days": 14, **values}


def test_a_source_is_added_switched_off(admin_client, market):
    answer = admin_client.post(url("marketsource", "add"), form(market))
    assert answer.status_code == 302
    source = MarketSource.objects.get()
    assert (source.venue, source.enabled, source.options) == ("yadio", False, {})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"options": '{"max_page": 3}'}, "max_page unknown option"),
        ({"options": "[1]"}, "must be a JSON object"),
        ({"method": "mean"}, "method"),
        ({"venue": "nowhere"}, "not one of the available choices"),
        ({"interval_seconds": 1}, "must be between 5 and 86400"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(admin_client, market, values, said):
    answer = admin_client.post(url("marketsource", "add"), form(market, **values))
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not MarketSource.objects.exists()


def test_a_secret_is_hidden_and_stays(admin_client, market):
    options = {"url": "https://x.example/", "ask": "a", "headers": {"X-Key": "very secret"}}
    source = MarketSource.objects.create(market=market, venue="json", options=options)
    address = url("marketsource", "change", source.pk)
    page = admin_client.get(address).content.decode()
    assert "very secret" not in page
    sent = f'{{"url": "https://x.example/", "ask": "b", "headers": "{HIDDEN}"}}'
    answer = admin_client.post(address, form(market, venue="json", options=sent))
    assert answer.status_code == 302
    source.refresh_from_db()
    assert source.options["ask"] == "b"
    assert "very secret" not in str(source.options)
    assert source_order(source).options.headers == options["headers"]


def test_what_went_wrong_is_told_in_words_and_in_the_readers_zone(admin_client, market):
    at = dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC)
    source = factories.make_source(market, last_error_code="not_json", last_error_at=at)
    source.reasons.update(last_at=at)
    admin_client.cookies["browser_zone"] = "America/La_Paz"
    page = admin_client.get(url("marketsource", "change", source.pk)).content.decode()
    assert page.count("2026-03-01 08:30 UTC-4") == 2
    assert "not_json" not in page
    VenueStatus.objects.create(venue="yadio", failures=1, last_error="not_json")
    page = admin_client.get(url("venuestatus")).content.decode()
    assert "The venue did not answer with JSON." in page


def test_sources_are_switched_on_and_off(admin_client, market):
    source = MarketSource.objects.create(market=market, venue="yadio")
    for action, on in (("switch_on", True), ("switch_off", False)):
        assert "Done for 1 row." in act(admin_client, "marketsource", action, source)
        source.refresh_from_db()
        assert source.enabled is on


def test_a_dry_run_shows_the_figures_or_the_reason(admin_client, market, settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "ALLOW_PRIVATE_ADDRESSES": True}
    with PlayingServer(markets()) as server:
        options = {"base_url": server.url}
        source = MarketSource.objects.create(market=market, venue="yadio", options=options)
        page = act(admin_client, "marketsource", "dry_run", source)
        # It wanders around 420 by some five in a hundred.
        assert re.search(r"price (39|4[0-4])\d\b", page)
        server.break_venue("yadio", "html")
        page = act(admin_client, "marketsource", "dry_run", source)
    assert "HTML page instead of JSON" in page
    assert not PriceHistory.objects.exists()


def test_who_may_only_look_switches_nothing(client, market):
    source = MarketSource.objects.create(market=market, venue="yadio")
    reader = get_user_model().objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_marketsource"))
    client.force_login(reader)
    page = client.get(url("marketsource")).content.decode()
    assert "switch_on" not in page
    act(client, "marketsource", "switch_on", source)
    source.refresh_from_db()
    assert not source.enabled
