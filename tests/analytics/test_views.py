"""The HTML pages: who may see them, what they say when little is there, how many queries."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analytics import charts
from tests import factories

pytestmark = pytest.mark.django_db
HOME = "/"


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    """whitenoise warns where the folder of collected files is missing."""
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


def fill(symbol):
    market = factories.make_market(symbol)
    factories.make_quotes(market)
    for task in ("price", "spread"):
        factories.make_forecast(factories.make_model(market, task))
    for _ in range(6):
        factories.make_anomaly(factories.make_model(market, "anomaly", "candidate"))
    factories.make_pattern(factories.make_model(market, "pattern"))
    factories.make_run(market, "price", "running", epoch=3, epochs=10, eta_seconds=40)
    return market


def queries_of(client):
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client.get(HOME).status_code == 200
    return len(caught)


@pytest.mark.parametrize("page", ["analytics:home", "analytics:live"])
def test_a_stranger_is_sent_to_sign_in(client, page):
    answer = client.get(reverse(page))
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


def test_the_refresh_of_a_stranger_is_refused_plainly(client):
    assert client.get("/live/", headers={"X-Requested-With": "fetch"}).status_code == 401


def test_with_debug_this_machine_needs_no_account(client, settings):
    settings.DEBUG = True
    assert client.get(HOME).status_code == 200


def test_with_debug_another_machine_is_refused(client, settings):
    settings.DEBUG = True
    assert client.get(HOME, REMOTE_ADDR="10.0.0.9").status_code == 403


def test_pages_take_no_post(reader):
    assert reader.post(HOME).status_code == 405


def test_an_empty_database_says_what_to_run(reader):
    page = reader.get(HOME).content.decode()
    assert "import_prices FILE" in page
    assert "run_worker" in page


def test_a_market_without_anything_says_what_to_run(reader):
    factories.make_market()
    page = reader.get(HOME).content.decode()
    assert "no quotes" in page
    for line in ("train_model price", "manage.py forecast", "recognize_patterns"):
        assert line in page


def test_a_full_market_shows_all_of_it(reader):
    fill("USDT/BOB@binance_p2p")
    page = reader.get(HOME).content.decode()
    assert page.count("<svg") == 2
    for words in ("up-trend", "price jump", "lstm v1", "fresh", 'value="30"', "40 seconds"):
        assert words in page


def test_nothing_inline_that_a_strict_policy_forbids(reader):
    fill("USDT/BOB@binance_p2p")
    page = reader.get(HOME).content.decode()
    assert "style=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_queries_do_not_grow_with_markets(reader):
    fill("USDT/BOB@binance_p2p")
    one = queries_of(reader)
    for fiat in ("VES", "ARS", "COP"):
        fill(f"USDT/{fiat}@binance_p2p")
    factories.make_market("USDT/EUR@empty")
    assert queries_of(reader) == one
    assert one <= 16


def test_the_page_speaks_the_readers_language(reader):
    answer = reader.get(HOME, headers={"Accept-Language": "es"})
    assert '<html lang="es">' in answer.content.decode()


def test_text_of_a_result_is_escaped(reader):
    market = factories.make_market()
    factories.make_anomaly(factories.make_model(market, "anomaly"), text="<b>x</b>")
    assert "<b>x</b>" not in reader.get(HOME).content.decode()


def test_a_chart_of_nothing_is_empty():
    assert charts.loss_chart([], title="x") == ""
    assert charts.fan_chart([], timezone.now(), float("nan"), [], title="x") == ""


def test_a_flat_line_and_a_single_epoch_can_be_drawn():
    assert "<circle" in charts.loss_chart([["fit", 1.0, 1.0]], title="x")
    flat = [["fit", 1.0, None], ["fit", 1.0, None]]
    assert "nan" not in charts.loss_chart(flat, title="x")


def test_a_chart_escapes_its_title():
    assert "<b>" not in charts.loss_chart([["a", 1, 2]], title="<b>")


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0, "0"), (13.7, "13.70"), (0.00123, "0.001230")]
)
def test_numbers_keep_four_digits(value, text):
    assert charts.number(value) == text
