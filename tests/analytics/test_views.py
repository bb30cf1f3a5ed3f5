"""The HTML pages: who may see them, what they say when little is there, how many queries."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analytics.models import AnomalyWatch, Forecast, ModelEvent, WorkerHeartbeat
from tests import factories

pytestmark = pytest.mark.django_db
HOME = "/"


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


def specs(page):
    """The charts of a page, as the browser gets them."""
    found = re.findall(r'<script id="[^"]+" type="application/json">(.*?)</script>', page, re.S)
    return [json.loads(text) for text in found]


def queries_of(client):
    with CaptureQueriesContext(connection) as caught:
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
    assert page.count("data-chart=") == 2
    for words in ("up-trend", "spike", "lstm v1", "fresh", 'value="30"', "40 seconds"):
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
    assert one <= 18


def test_the_page_speaks_the_readers_language(reader):
    answer = reader.get(HOME, headers={"Accept-Language": "es"})
    assert '<html lang="es">' in answer.content.decode()


def test_text_of_a_result_is_escaped(reader):
    market = factories.make_market()
    factories.make_anomaly(factories.make_model(market, "anomaly"), text="<b>x</b>")
    assert "<b>x</b>" not in reader.get(HOME).content.decode()


def test_what_goes_on_is_on_top_and_what_was_a_false_alarm_is_not(reader):
    markets = [factories.make_market(f"USDT/{fiat}@x") for fiat in ("BOB", "VES", "ARS")]
    models = [factories.make_model(market, "anomaly") for market in markets]
    factories.make_event(models[0], is_open=True, text="the bid is gone", severity="low")
    factories.make_event(models[1], is_open=True, text="judged away", feedback="false")
    factories.make_event(models[2], is_open=True, text="a worse one", severity="critical")
    market = factories.make_market("USDT/COP@x")
    calm = factories.make_model(market, "anomaly")
    factories.make_event(calm, is_open=True, text="below the alarm", score=0.09)
    for page in (HOME, "/live/"):
        top = reader.get(page).content.decode().split('class="panel alarms"')[1]
        top = top.split("</section>")[0]
        assert top.index("a worse one") < top.index("the bid is gone")
        assert "judged away" not in top
        assert "below the alarm" not in top
    type(models[0]).objects.all().delete()
    assert 'class="panel alarms"' not in reader.get(HOME).content.decode()


def test_events_of_the_version_that_answers_are_listed_and_marked_in_the_chart(reader):
    market = factories.make_market()
    factories.make_quotes(market)
    factories.make_forecast(factories.make_model(market))
    old = factories.make_model(market, "anomaly", "retired")
    now = timezone.now()
    factories.make_event(old, text="said by an old version")
    new = factories.make_model(market, "anomaly")
    hour = dt.timedelta(hours=1)
    factories.make_event(
        new, start=now - 9 * hour, peak=now - 8 * hour, end=now - 7 * hour, rows=5, text="seen now"
    )
    factories.make_event(new, start=now - 900 * hour, text="long ago", feedback="true")
    factories.make_event(new, start=now - 30 * hour, text="below the alarm", score=0.09)
    page = reader.get(HOME).content.decode()
    assert "said by an old version" not in page
    assert "below the alarm" not in page
    for words in ("seen now", "2 hours", "long ago", "· true alarm"):
        assert words in page
    spec = specs(page)[0]  # after it comes what the baseline says of the spread
    (panel,) = spec["panels"]
    ((start, color),) = [(mark["start"], mark["color"]) for mark in panel["marks"]]
    assert start == pytest.approx((now - 9 * hour).timestamp(), abs=1)
    assert color == "--bad"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": "warming_up", "needed": 60, "present": 12}, ("warming up", "12 of 60 readings")),
        ({"state": "warming_up", "last_score": 0.02}, ("warming up", "Scores are rough")),
        ({"state": "watching", "last_score": 0.0312}, ('mark good">watching', "0.0312")),
        ({"state": "broken", "detail": "No file."}, ('mark bad">not watched', "No file.", "since")),
    ],
)
def test_the_state_of_the_watch_is_shown(reader, fields, said):
    market = factories.make_market()
    factories.make_quotes(market, 3)
    now = timezone.now()
    model = factories.make_model(market, "anomaly")
    AnomalyWatch.objects.create(market=market, model=model, since=now, scored_until=now, **fields)
    page = reader.get(HOME).content.decode()
    for words in said:
        assert words in page


def test_one_market_is_shown_when_it_is_chosen(reader):
    fill("USDT/BOB@binance_p2p")
    fill("USDT/VES@binance_p2p")
    page = reader.get(HOME, {"market": "usdt/ves"}).content.decode()
    assert page.count("<article") == 1
    assert '<option value="USDT/VES@binance_p2p" selected>' in page
    assert reader.get(HOME, {"market": ""}).content.decode().count("<article") == 2


def test_an_unknown_market_is_named_and_the_way_back_shown(reader):
    factories.make_market()
    answer = reader.get(HOME, {"market": "<i>"})
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "There is no market &lt;i&gt;." in page
    assert "Show all markets" in page
    assert "No market yet" not in page


def test_a_baseline_answer_is_named_as_one(reader):
    market = factories.make_market()
    model = factories.make_model(market, status="candidate", beats_baseline=False, score=1.2)
    factories.make_forecast(model, source="baseline", name="last_value")
    page = reader.get(HOME).content.decode()
    assert page.count("baseline: last_value") == 2
    assert "✗ not better" in page


@pytest.mark.parametrize(("hours", "said"), [(0, False), (5, True)])
def test_a_forecast_that_grew_old_is_named_stale(reader, hours, said):
    market = factories.make_market()
    as_of = timezone.now() - dt.timedelta(hours=hours)
    factories.make_quotes(market, 5)
    factories.make_forecast(factories.make_model(market), as_of=as_of)
    assert ("stale" in reader.get(HOME).content.decode()) is said


def test_quotes_after_an_old_forecast_are_shown_beside_it(reader):
    market = factories.make_market()
    factories.make_quotes(market, 20)
    as_of = timezone.now() - dt.timedelta(hours=5)
    factories.make_forecast(factories.make_model(market), as_of=as_of)
    spec = specs(reader.get(HOME).content.decode())[0]
    (line,) = [table for table in spec["tables"] if "past" in table["columns"]]
    assert len(line["columns"]["past"]) == len(line["x"]) == 20


def test_a_worker_that_went_away_is_named_with_the_way_to_start_it(reader):
    then = timezone.now() - dt.timedelta(hours=1)
    WorkerHeartbeat.objects.create(name="w", pid=1, started_at=then, seen_at=then)
    page = reader.get(HOME).content.decode()
    assert "not running" in page
    assert "run_worker" in page


def test_the_page_asks_few_queries(reader, django_assert_max_num_queries):
    fill("USDT/BOB@binance_p2p")
    fill("USDT/VES@binance_p2p")
    with django_assert_max_num_queries(18):
        reader.get(HOME)
    with django_assert_max_num_queries(8):
        reader.get("/live/")


@pytest.fixture
def young():
    """A market with too few quotes for a network."""
    market = factories.make_market()
    factories.make_quotes(market, 200)
    return market


def test_a_market_that_is_too_young_for_a_network_shows_its_baseline_by_name(reader, young):
    for path in (HOME, f"/markets/{young.pk}/"):
        page = reader.get(path).content.decode()
        assert page.count("baseline: last_value") >= 2
        assert "baseline: trailing_rule" in page
        assert "The baseline answers: 200 quotes are fewer than" in page
        assert 'mark good">network' not in page
    assert not Forecast.objects.exists()


def test_a_market_with_enough_history_is_told_to_train_and_shows_no_baseline(reader):
    factories.make_quotes(factories.make_market(), 3000)
    page = reader.get(HOME).content.decode()
    assert "baseline: last_value" not in page
    assert "train_model price" in page


def test_two_quotes_and_one_side_only_are_no_error(reader, young):
    young.prices.all().delete()
    factories.make_quotes(young, 2)
    young.prices.update(ask=None)
    assert reader.get(HOME).status_code == 200


def test_notes_of_a_forecast_are_on_the_page_in_the_readers_language(reader):
    market = factories.make_market()
    factories.make_quotes(market, 5)
    said = ["stale: the forecast starts at the last known price"]
    factories.make_forecast(factories.make_model(market), notes=said)
    assert (
        "Stale: the forecast starts at the last known price." in reader.get(HOME).content.decode()
    )
    page = reader.get(HOME, headers={"Accept-Language": "es"}).content.decode()
    assert "Sin datos recientes: el pronóstico parte del último precio conocido." in page


def test_a_version_that_is_broken_is_not_said_to_answer(reader):
    market = factories.make_market()
    factories.make_quotes(market, 5)
    model = factories.make_model(market)
    ModelEvent.objects.create(model=model, label="x", action="broken", reason="No file.")
    page = reader.get(HOME).content.decode()
    assert "lstm v1 cannot be read" in page
    assert "✗ broken" in page


def test_a_worker_whose_cluster_does_nothing_is_not_called_alive(reader):
    now = timezone.now()
    then = now - dt.timedelta(minutes=10)
    WorkerHeartbeat.objects.create(name="w", pid=1, started_at=then, seen_at=now, answered_at=then)
    assert "not running" in reader.get(HOME).content.decode()
    run = factories.make_run(factories.make_market(), "price", "running")
    assert "not running" not in reader.get(HOME).content.decode()  # busy with it
    type(run).objects.update(status="succeeded")
    WorkerHeartbeat.objects.update(answered_at=now)
    assert "not running" not in reader.get(HOME).content.decode()
