"""What went wrong is told in our own words, with DEBUG and without: what happened, what to do, the
way back."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import BadRequest
from django.db import OperationalError
from django.test import Client, RequestFactory

from analytics.desk import overview
from p2p.error_pages import server_error

pytestmark = pytest.mark.django_db
OURS = "There is no such page"
#: The site's name above, and the way back.
LOOK = re.compile(r'class="brand" href="/".*class="panel empty.*<a href="/">', re.DOTALL)


def said(answer, status):
    """The text of a page that has our look and that status."""
    page = answer.content.decode()
    assert answer.status_code == status
    assert LOOK.search(page)
    return page


@pytest.fixture
def reader(client, django_user_model):
    """A client that somebody without permissions signed in with."""
    client.force_login(django_user_model.objects.create_user("ana"))
    return client


def breaks_with(monkeypatch, error):
    """The overview raises that."""

    def fail(**_):
        raise error

    monkeypatch.setattr(overview, "overview_rows", fail)


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
    assert answer.headers["X-Request-ID"] in said(answer, 500)


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


def test_what_broke_is_told_without_database_account_or_context_processors(django_db_blocker):
    class Broken(type(RequestFactory().get("/"))):
        @property
        def user(self):
            raise RuntimeError

        session = _messages = user

    request = RequestFactory(headers={"Cookie": "theme=dark"}).get("/")
    request.__class__ = Broken
    with django_db_blocker.block():
        page = said(server_error(request), 500)
    assert 'data-theme="dark"' in page
    request.COOKIES["theme"] = '"><b>'
    assert "data-theme" not in said(server_error(request), 500)


def test_a_database_that_is_away_is_503_and_worth_another_try(reader, debug, monkeypatch):
    reader.raise_request_exception = False
    breaks_with(monkeypatch, OperationalError("server closed the connection"))
    answer = reader.get("/")
    assert "The database does not answer" in said(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert "closed the connection" not in answer.content.decode()


def test_a_database_that_is_away_before_the_page_is_503_too(reader, settings, monkeypatch):
    settings.DEBUG = False
    reader.raise_request_exception = False

    def fail(_user):
        raise OperationalError

    monkeypatch.setattr("analytics.middleware.preferences_get", fail)
    said(reader.get("/"), 503)


def test_what_cannot_be_read_says_how_to_go_on(reader, debug, monkeypatch):
    breaks_with(monkeypatch, BadRequest("inside"))
    page = said(reader.get("/"), 400)
    assert "load the page again" in page
    assert "inside" not in page


def test_what_is_too_large_says_so(reader, debug, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    answer = reader.post(
        "/preferences/", "theme=dark&zone=UTC", "application/x-www-form-urlencoded"
    )
    assert "send less" in said(answer, 400)


def test_a_name_that_is_not_this_servers_is_told_with_the_remedy(client, settings):
    settings.ALLOWED_HOSTS, settings.DEBUG = ["here.example"], False
    answer = client.get("/", headers={"Host": "evil.example"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert 'class="brand"' in page
    assert "PARALELO_ALLOWED_HOSTS" in page
    assert "example" not in page
    assert "All markets" not in page  # under that name it would be refused again


def test_who_lacks_a_permission_reads_as_whom_and_what_to_do(reader, settings):
    settings.DEBUG = False
    page = said(reader.get("/import/"), 403)
    assert "signed in as ana" in page
    assert "can give it to you" in page


def test_a_form_without_its_token_says_that_nothing_changed(debug):
    client = Client(enforce_csrf_checks=True)
    page = said(client.post("/preferences/", {"theme": "dark"}), 403)
    assert "Nothing was changed" in page
    assert "CSRF" not in page


def test_a_form_from_an_address_that_is_not_trusted_names_the_setting(debug):
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/preferences/", {}, headers={"Origin": "https://else.example"})
    assert "PARALELO_TRUSTED_ORIGINS" in said(answer, 403)


def test_an_address_of_a_button_is_no_empty_page(reader, debug):
    answer = reader.get("/favourite/")
    assert "belongs to a button" in said(answer, 405)
    assert answer.headers["Allow"] == "POST"


def test_they_are_told_in_spanish(reader, settings, monkeypatch):
    settings.DEBUG = False
    reader.raise_request_exception = False
    spanish = {"headers": {"Accept-Language": "es"}}
    assert "No tiene permiso" in said(reader.get("/import/", **spanish), 403)
    assert "No se cambió nada" in said(reader.get("/favourite/", **spanish), 405)
    for error, status, text in (
        (BadRequest(), 400, "no pudo leer"),
        (ZeroDivisionError(), 500, "Algo falló aquí"),
        (OperationalError(), 503, "base de datos no responde"),
    ):
        breaks_with(monkeypatch, error)
        page = said(reader.get("/", **spanish), status)
        assert '<html lang="es"' in page
        assert text in page
    strict = Client(enforce_csrf_checks=True)
    assert "no fue aceptado" in said(strict.post("/preferences/", {}, **spanish), 403)
