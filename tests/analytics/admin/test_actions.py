"""Actions call services: what is asked for, what a refusal becomes, who may do it."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from analytics.admin import models, training
from analytics.exceptions import Conflict
from analytics.models import (
    ModelEvent,
    TrainedModel,
    TrainingRun,
)
from tests import factories

from .conftest import act, url

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def test_a_person_who_may_only_look_gets_no_actions(client, full):
    user = get_user_model().objects.create_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_trainedmodel"))
    client.force_login(user)
    model = TrainedModel.objects.first()
    assert "rollback" not in client.get(url("trainedmodel")).content.decode()
    act(client, "trainedmodel", "retire", model, confirmed=1)
    model.refresh_from_db()
    assert model.status == "active"


def test_a_refusal_becomes_a_message(admin_client, full, monkeypatch):
    def refuse(**_):
        raise Conflict("A price training is already open.")

    monkeypatch.setattr(training, "training_request", refuse)
    page = act(admin_client, "market", "train_price", full, confirmed=1)
    assert "A price training is already open." in page


def test_train_all_asks_for_the_four(admin_client, full, monkeypatch):
    asked = []
    monkeypatch.setattr(training, "training_request", lambda **given: asked.append(given["task"]))
    act(admin_client, "market", "train_all", full, confirmed=1)
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


@pytest.mark.parametrize("action", ["scan_now", "recognise_now"])
def test_actions_without_a_model_say_so(admin_client, action):
    market = factories.make_market()
    factories.make_quotes(market, 5)
    page = act(admin_client, "market", action, market)
    assert 'class="error"' in page


def test_training_without_history_says_so(admin_client):
    page = act(admin_client, "market", "train_all", factories.make_market(), confirmed=1)
    assert page.count('class="error"') == 4
    assert not TrainingRun.objects.exists()


def test_a_queued_run_is_cancelled(admin_client):
    run = factories.make_run(factories.make_market())
    act(admin_client, "trainingrun", "cancel", run, confirmed=1)
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert "already closed" in act(admin_client, "trainingrun", "cancel", run, confirmed=1)


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
    act(admin_client, "trainedmodel", "rollback", new, old, confirmed=1)
    old.refresh_from_db()
    assert old.status == "active"
    act(admin_client, "trainedmodel", "retire", old, confirmed=1)
    old.refresh_from_db()
    assert old.status == "retired"


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
