"""What the policy decides and what became of versions, in words."""

from __future__ import annotations

import pytest
from django.utils import timezone

from analytics.models import TrainingRun
from analytics.pages.learning import CODES, decided, health_lines, input_table, why
from tests.factories import make_market, make_model, make_run

pytestmark = pytest.mark.any_database


def test_every_reason_of_a_run_has_its_sentence():
    assert set(TrainingRun.Reason.values) <= set(CODES)


@pytest.mark.parametrize(
    ("code", "figures", "says"),
    [
        ("age", {"days": 20.5, "limit_days": 14}, "it was trained 20.5 days ago, the limit is 14"),
        ("drift", {"reasons": ["input_age", "worse_than_trained"]}, "age of the quotes"),
        ("no_quotes", {"limit_days": 7}, "no quote in the last 7 days"),
        ("something_else", {"why": "The disk is full."}, "The disk is full."),
    ],
)
def test_a_decision_says_its_figures(code, figures, says):
    assert says in why(code, figures)


def test_what_waits_says_what_for_and_why():
    said = decided("wait", "others_run", {"because": "age", "days": 20, "limit_days": 14})
    assert said == "wait: other trainings come first (the version is old)"


def test_a_sound_version_has_nothing_against_it(db):
    model = make_model(make_market())
    assert health_lines(model) == []
    assert input_table(model)["lines"] == []
    model.expired_at = model.drifted_at = timezone.now()
    one = {"name": "move", "effect": 0.9, "usual": 0.2, "shift": 0.1, "psi": 0.4, "drifted": True}
    model.drift = {"reasons": ["input_move"], "inputs": [one]}
    expired, drifted = health_lines(model)
    assert expired.startswith("expired")
    assert drifted == "drifted: other than in its training: moves of the price"
    assert input_table(model)["lines"] == [
        ["moves of the price", "0.9000", "0.2000", "0.1000", "0.4000", "drifted"]
    ]


def test_the_admin_shows_why_a_run_trains_and_how_a_version_fares(admin_client, db):
    market = make_market()
    figures = {"days": 20, "limit_days": 14}
    run = make_run(market, "price", "succeeded", reason="age", reason_figures=figures)
    drift = {"reasons": ["worse_than_trained"], "inputs": []}
    model = make_model(market, run=run, drifted_at=timezone.now(), drift=drift)
    page = admin_client.get(f"/admin/analytics/trainingrun/{run.pk}/change/").content.decode()
    assert "it was trained 20 days ago, the limit is 14" in page
    page = admin_client.get(f"/admin/analytics/trainedmodel/{model.pk}/change/").content.decode()
    assert "drifted: it is worse than when it was trained" in page


def test_the_api_says_the_same(admin_client, db):
    market = make_market()
    run = make_run(market, "price", "succeeded", reason="age", reason_figures={"days": 20})
    drift = {"reasons": ["worse_than_trained"], "inputs": []}
    model = make_model(market, run=run, drifted_at=timezone.now(), drift=drift)
    base = "/api/v1/analytics"
    told = admin_client.get(f"{base}/training-runs/{run.pk}/").json()
    assert (told["reason"], told["reason_figures"]) == ("age", {"days": 20})
    told = admin_client.get(f"{base}/models/{model.pk}/").json()
    assert told["drift"] == drift
    assert told["drifted_at"]
    assert told["expired_at"] is None
    task = admin_client.get(f"{base}/dl/model-info").json()["markets"][0]["tasks"]["price"]
    assert task["drift_reasons"] == ["worse_than_trained"]
    assert task["expired"] is False
