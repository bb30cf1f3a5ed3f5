"""404 and 500 in our own words, with DEBUG and without."""

from __future__ import annotations

import pytest
from django.test import Client

from analytics.desk import overview

pytestmark = pytest.mark.django_db
OURS = "There is no such page"


@pytest.fixture(params=[True, False])
def debug(request, settings):
    settings.DEBUG = request.param
    return request.param


@pytest.mark.parametrize("address", ["/nowhere", "/markets/999/", "/models/999/", "/markets/x/"])
def test_what_is_not_there_is_said_in_our_words(client, debug, address, django_user_model):
    client.force_login(django_user_model.objects.create_user("ana"))
    answer = client.get(address)
    assert answer.status_code == 404
    assert OURS in answer.content.decode()
    assert "urlpatterns" not in answer.content.decode()


def test_staff_see_what_django_tells_in_debug(admin_client, settings):
    settings.DEBUG = True
    page = admin_client.get("/nowhere").content.decode()
    assert OURS not in page
    assert "DEBUG = True" in page


def test_a_missing_slash_is_still_added(client, settings):
    settings.DEBUG = True
    assert client.get("/patterns").url == "/patterns/"


def test_what_breaks_says_so_and_shows_nothing_of_the_inside(
    debug, monkeypatch, caplog, django_user_model
):
    client = Client(raise_request_exception=False)
    client.force_login(django_user_model.objects.create_user("ana"))
    monkeypatch.setattr(overview, "overview_rows", lambda **_: 1 / 0)
    answer = client.get("/")
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "Something broke here" in page
    assert "ZeroDivisionError" not in page
    assert "division by zero" in caplog.text


def test_the_api_answers_for_itself(client, settings):
    settings.DEBUG = True
    answer = client.get("/api/v1/analytics/nowhere/", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json()["code"]


def test_a_spanish_visitor_reads_spanish(client, settings):
    settings.DEBUG = True
    page = client.get("/nowhere", headers={"Accept-Language": "es"}).content.decode()
    assert '<html lang="es"' in page
    assert "No existe esa página" in page
