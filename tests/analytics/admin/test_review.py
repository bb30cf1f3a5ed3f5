"""What the admin has for operators: questions before acts, live progress, charts, groups."""

from __future__ import annotations

import json
import re

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from tests import factories

from .conftest import act, url

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture(autouse=True)
def groups():
    factories.make_groups()


def names(group):
    return set(Group.objects.get(name=group).permissions.values_list("codename", flat=True))


@pytest.mark.parametrize(
    ("model", "action", "made"),
    [
        ("trainedmodel", "retire", factories.make_model),
        ("trainedmodel", "rollback", factories.make_model),
        ("trainingrun", "cancel", factories.make_run),
    ],
)
def test_an_act_with_consequences_is_asked_about_first(admin_client, model, action, made):
    row = made(factories.make_market())
    before = row.status
    page = act(admin_client, model, action, row)
    assert "Yes, do it" in page
    assert f'name="_selected_action" value="{row.pk}"' in page
    row.refresh_from_db()
    assert row.status == before


def test_a_running_training_is_followed_and_cancelled_on_its_page(admin_client):
    market = factories.make_market()
    losses = [["training", 3, 4]]
    run = factories.make_run(market, status="running", epoch=2, epochs=8, losses=losses)
    page = admin_client.get(url("trainingrun", "change", run.pk)).content.decode()
    assert f'data-url="/models/runs/{run.pk}/progress/"' in page
    assert f'formaction="/models/runs/{run.pk}/cancel/"' in page
    assert f'data-url="/models/runs/{run.pk}/losses/"' in page
    done = factories.make_run(market, status="succeeded", losses=losses)
    page = admin_client.get(url("trainingrun", "change", done.pk)).content.decode()
    assert "progress/" not in page


def test_who_may_only_look_sees_no_way_to_cancel(client):
    run = factories.make_run(factories.make_market(), status="running")
    client.force_login(factories.make_staff("viewer"))
    page = client.get(url("trainingrun", "change", run.pk)).content.decode()
    assert "progress/" in page
    assert "formaction" not in page


def test_a_market_and_a_version_show_their_charts(admin_client):
    market = factories.make_market()
    factories.make_quotes(market, 60)
    model = factories.make_model(market)
    factories.make_score(factories.make_forecast(model))
    for name, row, chart in (
        ("market", market, "market"),
        ("trainedmodel", model, "live-figures"),
    ):
        page = admin_client.get(url(name, "change", row.pk)).content.decode()
        spec = re.search(rf'<script id="{chart}-spec"[^>]*>(.*?)</script>', page, re.S)
        assert json.loads(spec[1])["panels"], name


# ------------------------------------------------------------------------------------------ groups
def test_a_viewer_looks_an_operator_acts_an_admin_does_all():
    models = [model._meta.model_name for model in apps.get_app_config("analytics").get_models()]
    known = {f"{verb}_{m}" for verb in ("add", "change", "delete", "view") for m in models}
    assert names("viewer") == {f"view_{m}" for m in models}
    assert names("operator") == {
        *(f"{verb}_{m}" for verb in ("view", "change") for m in models),
        *("add_market", "add_marketsource"),
    }
    assert names("admin") - known == {
        f"{verb}_{m}" for verb in ("add", "change", "delete", "view") for m in ("user", "group")
    }
    assert known < names("admin")


def test_no_permission_is_there_twice():
    pairs = list(Permission.objects.values_list("content_type", "codename"))
    assert len(pairs) == len(set(pairs))


def test_an_operator_trains_and_a_viewer_does_not(client, monkeypatch):
    from analytics.admin import training

    asked = []
    monkeypatch.setattr(training, "training_request", lambda **given: asked.append(given["task"]))
    market = factories.make_market()
    for group, trained in (("viewer", []), ("operator", ["price"])):
        client.force_login(factories.make_staff(group))
        act(client, "market", "train_price", market, confirmed=1)
        assert asked == trained, group
