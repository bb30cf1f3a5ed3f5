"""Lists and pages stand with little data, and nothing that a service owns can be edited."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analytics.models import (
    TrainedModel,
    TrainingRun,
    WorkerHeartbeat,
)
from tests import factories

from .conftest import url

pytestmark = pytest.mark.django_db
NAMES = (
    *("market", "pricehistory", "trainingrun", "trainedmodel", "forecast", "forecastscore"),
    *("anomalyresult", "anomalyevent", "anomalywatch", "patternresult", "modelevent"),
    *("workerheartbeat", "backtestrun", "venuestatus", "marketsource"),
)
OWNED = NAMES[1:-1]


@pytest.mark.parametrize("name", NAMES)
def test_lists_stand_empty_and_full(admin_client, name, request):
    assert admin_client.get(url(name)).status_code == 200
    request.getfixturevalue("full")
    assert admin_client.get(url(name)).status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_every_page_of_one_row_stands(admin_client, full, name):
    model = next(m for m in admin.site._registry if m._meta.model_name == name)
    for row in model.objects.all():
        assert admin_client.get(url(name, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("name", OWNED)
def test_what_a_service_owns_is_not_edited_by_hand(admin_client, full, name):
    model = next(m for m in admin.site._registry if m._meta.model_name == name)
    row = model.objects.first()
    assert admin_client.get(url(name, "add")).status_code == 403
    assert admin_client.post(url(name, "change", row.pk), {}).status_code == 403
    assert admin_client.post(url(name, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in admin_client.get(url(name)).content.decode()


def test_a_reader_without_staff_is_kept_out(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    assert client.get(url("market")).status_code == 302


def test_a_run_shows_its_loss_curve(admin_client, full):
    run = TrainingRun.objects.get(status="running")
    page = admin_client.get(url("trainingrun", "change", run.pk)).content.decode()
    assert f'data-chart="loss-{run.pk}-spec"' in page
    assert "uplot/uPlot.iife.min.js" in page


def test_an_event_shows_the_prices_around_it_and_its_scores(admin_client):
    market = factories.make_market()
    factories.make_quotes(market)
    found = factories.make_anomaly(factories.make_model(market, "anomaly"))
    page = admin_client.get(url("anomalyevent", "change", found.event_id)).content.decode()
    assert f'data-chart="event-{found.event_id}-spec"' in page
    for column in ("bid", "ask", "score"):
        assert f'"column": "{column}"' in page


@pytest.mark.parametrize(
    ("zone", "said"), [("America/La_Paz", "08:30 UTC-4"), ("UTC", "12:30 UTC")]
)
def test_a_title_with_a_moment_is_in_the_readers_zone(admin_client, zone, said):
    admin_client.cookies["browser_zone"] = zone
    at = dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC)
    market = factories.make_market()
    (quote,) = factories.make_quotes(market, 1, end=at)
    found = factories.make_anomaly(factories.make_model(market, "anomaly"), timestamp=at)
    model = factories.make_model(market, "pattern")
    shown = {
        "anomalyevent": found.event,
        "anomalyresult": found,
        "forecast": factories.make_forecast(factories.make_model(market), as_of=at),
        "patternresult": factories.make_pattern(model, as_of=at),
        "pricehistory": quote,
    }
    for name, row in shown.items():
        page = admin_client.get(url(name, "change", row.pk)).content.decode()
        assert f"2026-03-01 {said}" in page.partition("<h2>")[2].partition("</h2>")[0], name


def test_what_happened_to_a_version_names_it_in_the_readers_language(admin_client, full):
    page = admin_client.get(url("modelevent"), headers={"accept-language": "es"}).content.decode()
    assert "USDT/BOB@binance_p2p precio lstm v1" in page
    TrainedModel.objects.filter(task="price").delete()
    assert ">x<" in admin_client.get(url("modelevent")).content.decode()


def test_a_version_stands_beside_its_baseline(admin_client, full):
    model = TrainedModel.objects.get(task="price")
    page = admin_client.get(url("trainedmodel", "change", model.pk)).content.decode()
    for words in ("✓ better", "the last value", "good reasons", "0.06"):
        assert words in page


def test_an_event_links_to_its_own_rows(admin_client):
    model = factories.make_model(factories.make_market(), "anomaly")
    one, _other = (factories.make_anomaly(model, text=f"{name} row") for name in ("own", "other"))
    page = admin_client.get(url("anomalyresult"), {"event__id__exact": one.event_id})
    assert "own row" in page.content.decode()
    assert "other row" not in page.content.decode()


@pytest.mark.parametrize(
    "name",
    ["trainedmodel", "trainingrun", "anomalyresult", "anomalyevent", "market", "marketsource"],
)
def test_lists_ask_no_more_with_more_rows(admin_client, full, name):
    def count():
        with CaptureQueriesContext(connection) as caught:
            admin_client.get(url(name))
        return len(caught)

    count()
    before = count()
    for fiat in ("VES", "ARS"):
        market = factories.make_market(f"USDT/{fiat}@x")
        factories.make_source(market)
        factories.make_anomaly(factories.make_model(market, "anomaly"))
    assert count() == before


def test_the_index_shows_worker_and_runs(admin_client, full):
    page = admin_client.get(reverse("admin:index")).content.decode()
    for words in ("alive", "quick", "Training now", "Queue length"):
        assert words in page


def test_a_worker_that_went_silent_is_shown_so(admin_client, full):
    WorkerHeartbeat.objects.update(seen_at=timezone.now() - dt.timedelta(hours=1))
    assert "not running" in admin_client.get(reverse("admin:index")).content.decode()


def test_the_index_stands_without_a_worker(admin_client):
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "run_worker" in page


@pytest.mark.parametrize("name", NAMES)
def test_every_list_asks_few_queries(admin_client, full, name, django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        admin_client.get(url(name))


@pytest.mark.parametrize("name", ["forecast", "pricehistory", "anomalyevent", "trainingrun"])
@pytest.mark.parametrize("market", ["0", "-1", "x", str(2**63), "9" * 60, "²"])
def test_a_filter_by_a_market_that_cannot_be_lists_nothing(admin_client, full, name, market):
    assert admin_client.get(url(name), {"market": market}).status_code == 200
