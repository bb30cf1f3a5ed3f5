"""The admin: lists stand with little data, nothing owned can be edited, actions call services."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analytics.admin import models, training
from analytics.exceptions import Conflict
from analytics.models import (
    AnomalyWatch,
    ModelEvent,
    TrainedModel,
    TrainingRun,
    WorkerHeartbeat,
)
from tests import factories

pytestmark = pytest.mark.django_db
NAMES = (
    *("market", "pricehistory", "trainingrun", "trainedmodel", "forecast", "forecastscore"),
    *("anomalyresult", "anomalyevent", "anomalywatch", "patternresult", "modelevent"),
    *("workerheartbeat", "backtestrun"),
)
OWNED = NAMES[1:]


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    """whitenoise warns where the folder of collected files is missing."""
    settings.STATIC_ROOT = tmp_path


def url(name, page="changelist", *args):
    return reverse(f"admin:analytics_{name}_{page}", args=args)


def act(client, name, action, *rows, **more):
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    answer = client.post(url(name), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def full():
    """One row of everything."""
    market = factories.make_market()
    factories.make_quotes(market, 5)
    model = factories.make_model(market)
    ModelEvent.objects.create(model=model, label="x", action="promoted", reason="good reasons")
    factories.make_score(factories.make_forecast(model))
    factories.make_backtest(market)
    factories.make_anomaly(factories.make_model(market, "anomaly"))
    AnomalyWatch.objects.create(market=market, needed=1000, present=12)
    factories.make_pattern(factories.make_model(market, "pattern"))
    factories.make_run(market, "price", "running", losses=[["fit", 2, 3], ["fit", 1, 2]])
    now = timezone.now()
    WorkerHeartbeat.objects.create(
        name="made", pid=1, started_at=now, seen_at=now, device={"type": "cpu", "name": "quick"}
    )
    return market


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


def test_a_person_who_may_only_look_gets_no_actions(client, full):
    user = get_user_model().objects.create_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_trainedmodel"))
    client.force_login(user)
    model = TrainedModel.objects.first()
    assert "rollback" not in client.get(url("trainedmodel")).content.decode()
    act(client, "trainedmodel", "retire", model)
    model.refresh_from_db()
    assert model.status == "active"


def test_a_reader_without_staff_is_kept_out(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    assert client.get(url("market")).status_code == 302


def test_a_refusal_becomes_a_message(admin_client, full, monkeypatch):
    def refuse(**_):
        raise Conflict("A price training is already open.")

    monkeypatch.setattr(training, "training_request", refuse)
    page = act(admin_client, "market", "train_price", full)
    assert "A price training is already open." in page


def test_train_all_asks_for_the_four(admin_client, full, monkeypatch):
    asked = []
    monkeypatch.setattr(training, "training_request", lambda **given: asked.append(given["task"]))
    act(admin_client, "market", "train_all", full)
    assert asked == ["price", "spread", "anomaly", "pattern"]


def test_a_family_is_chosen_on_a_page_and_then_asked_for(admin_client, full, monkeypatch):
    asked = []
    monkeypatch.setattr(training, "training_request", lambda **given: asked.append(given))
    page = act(admin_client, "market", "train_family", full)
    assert re.findall(r'<optgroup label="(\w+)"', page) == ["price", "spread", "anomaly", "pattern"]
    assert '<option value="pattern cnn">cnn</option>' in page
    more = {"confirmed": "1", "chosen": "weather cnn"}
    assert "Select a valid choice" in act(admin_client, "market", "train_family", full, **more)
    assert asked == []
    act(admin_client, "market", "train_family", full, **{**more, "chosen": "pattern cnn"})
    assert [(a["market"], a["task"], a["family"]) for a in asked] == [(full, "pattern", "cnn")]
    assert asked[0]["requested_by"].is_superuser


@pytest.mark.parametrize("action", ["forecast_now", "scan_now", "recognise_now"])
def test_actions_without_a_model_say_so(admin_client, action):
    market = factories.make_market()
    factories.make_quotes(market, 5)
    page = act(admin_client, "market", action, market)
    assert 'class="error"' in page


def test_training_without_history_says_so(admin_client):
    page = act(admin_client, "market", "train_all", factories.make_market())
    assert page.count('class="error"') == 4
    assert not TrainingRun.objects.exists()


def test_a_queued_run_is_cancelled(admin_client):
    run = factories.make_run(factories.make_market())
    act(admin_client, "trainingrun", "cancel", run)
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert "already closed" in act(admin_client, "trainingrun", "cancel", run)


def test_a_run_shows_its_loss_curve(admin_client, full):
    run = TrainingRun.objects.get(status="running")
    assert "<svg" in admin_client.get(url("trainingrun", "change", run.pk)).content.decode()


def test_promotion_asks_first_and_then_promotes(admin_client, monkeypatch):
    given = {}
    monkeypatch.setattr(models, "model_promote", lambda **kw: given.update(kw))
    model = factories.make_model(factories.make_market(), status="candidate")
    page = act(admin_client, "trainedmodel", "promote", model)
    assert 'name="reason"' in page
    assert not given
    more = {"confirmed": "1", "reason": "because", "force": "1"}
    act(admin_client, "trainedmodel", "promote", model, **more)
    assert (given["model"], given["reason"], given["force"]) == (model, "because", True)
    assert given["by"].is_superuser


def test_retire_and_roll_back(admin_client):
    market = factories.make_market()
    old = factories.make_model(market, status="retired")
    ModelEvent.objects.create(model=old, label="x", action="promoted")
    new = factories.make_model(market)
    act(admin_client, "trainedmodel", "rollback", new, old)
    old.refresh_from_db()
    assert old.status == "active"
    act(admin_client, "trainedmodel", "retire", old)
    old.refresh_from_db()
    assert old.status == "retired"


def test_a_version_stands_beside_its_baseline(admin_client, full):
    model = TrainedModel.objects.get(task="price")
    page = admin_client.get(url("trainedmodel", "change", model.pk)).content.decode()
    for words in ("✓ better", "last_value", "good reasons", "0.06"):
        assert words in page


def test_anomalies_are_acknowledged_and_labelled(admin_client):
    found = factories.make_anomaly(factories.make_model(factories.make_market(), "anomaly"))
    act(admin_client, "anomalyresult", "acknowledge", found)
    act(admin_client, "anomalyresult", "label_false", found)
    found = type(found).objects.get()
    assert found.label == "false"
    assert found.acknowledged_by.is_superuser


def test_events_are_judged_with_a_note_and_taken_back(admin_client):
    event = factories.make_event(factories.make_model(factories.make_market(), "anomaly"))
    page = act(admin_client, "anomalyevent", "judge_false", event, note="bank holiday")
    assert "false alarm" in page
    event.refresh_from_db()
    assert (event.feedback, event.note) == ("false", "bank holiday")
    assert event.feedback_by.is_superuser
    shown = admin_client.get(url("anomalyevent", "change", event.pk)).content.decode()
    for words in ("bank holiday", "10.90", f"anomalyresult/?event__id__exact={event.pk}"):
        assert words in shown
    act(admin_client, "anomalyevent", "judge_true", event)
    event.refresh_from_db()
    assert (event.feedback, event.note) == ("true", "")
    act(admin_client, "anomalyevent", "take_back", event, note="not kept")
    event.refresh_from_db()
    assert (event.feedback, event.note, event.feedback_at) == ("", "", None)


def test_an_event_links_to_its_own_rows(admin_client):
    model = factories.make_model(factories.make_market(), "anomaly")
    one, _other = (factories.make_anomaly(model, text=f"{name} row") for name in ("own", "other"))
    page = admin_client.get(url("anomalyresult"), {"event__id__exact": one.event_id})
    assert "own row" in page.content.decode()
    assert "other row" not in page.content.decode()


@pytest.mark.parametrize(
    "name", ["trainedmodel", "trainingrun", "anomalyresult", "anomalyevent", "market"]
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
