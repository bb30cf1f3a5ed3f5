"""Zone, language and theme: each person's, kept, and never the API's."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from analytics.models import Preferences
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
PAGE = "/preferences/"


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


def text(client, address=PAGE, **headers):
    return client.get(address, headers=headers).content.decode()


def test_an_account_keeps_what_it_chose(reader):
    chosen = {"zone": "America/Caracas", "language": "es", "theme": "dark"}
    assert reader.post(PAGE, chosen).url == PAGE
    kept = Preferences.objects.get()
    assert (kept.zone, kept.language, kept.theme) == tuple(chosen.values())
    reader.cookies.clear()
    reader.force_login(kept.user)
    page = text(reader, **{"Accept-Language": "en"})
    assert '<html lang="es" data-locale="es-BO" data-zone="America/Caracas"' in page
    assert 'data-theme="dark"' in page
    assert "UTC-4" in page
    assert "9,625" in page


def test_a_button_of_the_header_changes_one_thing_and_leads_back(reader):
    reader.post(PAGE, {"zone": "Asia/Tokyo"})
    answer = reader.post(PAGE, {"theme": "light", "next": "/patterns/?market=x"})
    assert answer.url == "/patterns/?market=x"
    kept = Preferences.objects.get()
    assert (kept.zone, kept.theme, kept.language) == ("Asia/Tokyo", "light", "")
    reader.post(PAGE, {"theme": ""})
    assert "data-theme" not in text(reader).split("<head>")[0]


def test_a_visitor_keeps_it_in_cookies(client):
    client.post(PAGE, {"zone": "Asia/Tokyo", "language": "es", "theme": "dark"})
    page = text(client)
    assert '<html lang="es" data-locale="es-BO" data-zone="Asia/Tokyo"' in page
    assert 'data-theme="dark"' in page
    assert not Preferences.objects.exists()
    client.post(PAGE, {"zone": "", "language": "", "theme": ""})
    assert '<html lang="en" data-locale="en" data-zone="UTC" data-zone-by="">' in text(client)


def test_the_browsers_zone_serves_until_a_person_chooses(client):
    client.cookies["browser_zone"] = "America/La_Paz"
    assert 'data-zone="America/La_Paz" data-zone-by="browser"' in text(client)
    client.cookies["zone"] = "Europe/Madrid"
    assert 'data-zone="Europe/Madrid" data-zone-by="person"' in text(client)


@pytest.mark.parametrize("zone", ["../../etc/passwd", "America/Nowhere", "x" * 300, "/etc", ""])
def test_a_cookie_that_names_no_zone_is_no_zone(client, zone):
    client.cookies["browser_zone"] = zone
    assert 'data-zone="UTC" data-zone-by=""' in text(client)


@pytest.mark.parametrize(
    ("field", "value"), [("zone", "Mars/Olympus"), ("language", "de"), ("theme", "pink")]
)
def test_what_cannot_be_chosen_is_refused_by_name(reader, field, value):
    answer = reader.post(PAGE, {field: value})
    assert answer.status_code == 400
    assert "choose one of the list" in answer.content.decode()
    assert not Preferences.objects.exists()


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:1"])
def test_nobody_is_led_elsewhere(reader, elsewhere):
    assert reader.post(PAGE, {"theme": "dark", "next": elsewhere}).url == PAGE


def test_the_api_stays_in_utc(reader):
    reader.post(PAGE, {"zone": "America/La_Paz"})
    market = factories.make_market()
    factories.make_quotes(market, 1)
    rows = reader.get(reverse("api:price-list")).json()["results"]
    assert rows[0]["timestamp"].endswith(("Z", "+00:00"))


def test_the_account_chooses_the_language_of_the_admin_too(admin_client, admin_user):
    Preferences.objects.create(user=admin_user, language="es")
    assert '<html lang="es"' in text(admin_client, "/admin/", **{"Accept-Language": "en"})
