"""The audit of a run's quotes: kept, shown, and what it refuses never reaches the trainer."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

import ml
from analytics.exceptions import InvalidInput
from analytics.models import TrainingRun
from analytics.selectors.frames import price_frame
from analytics.services.jobs.training import training_execute
from analytics.services.prices.auditing import run_audit
from tests.factories import make_market, make_quotes, make_run

pytestmark = pytest.mark.any_database

HALF_HOUR = dt.timedelta(minutes=30)


@pytest.fixture
def market(db):
    market = make_market()
    make_quotes(market, 400)
    return market


@pytest.fixture
def client_of(admin_user):
    client = APIClient()
    client.force_authenticate(admin_user)
    return client


def test_a_run_keeps_the_audit_of_its_quotes(market, admin_client, client_of):
    make_quotes(make_market("USDT/VES@other"), 5)
    run = make_run(market, "price", "running")
    frame = price_frame(market)
    with pytest.raises(ml.NotEnoughData) as caught:
        run_audit(run=run, frame=frame)
    assert caught.value.needed > caught.value.present > 0
    run.refresh_from_db()
    assert run.audit["rows"] == 400
    assert run.audit["enough"]["price"] is False
    told = client_of.get(f"/api/v1/analytics/training-runs/{run.pk}").json()
    assert told["audit"]["findings"][0]["code"] == "too_short"
    page = admin_client.get(reverse("admin:analytics_trainingrun_change", args=[run.pk]))
    assert "too little history to train: price" in page.content.decode()


def test_enough_quotes_pass_and_are_reported(market):
    make_quotes(market, 1300, end=market.prices.earliest().timestamp - HALF_HOUR)
    run = make_run(market, "price", "running")
    report = run_audit(run=run, frame=price_frame(market))
    assert report["enough"]["price"]
    assert TrainingRun.objects.get(pk=run.pk).audit == json.loads(json.dumps(report))


def test_a_run_that_trains_leaves_its_audit(market, monkeypatch):
    """The audit comes before the training: what it refuses never reaches the trainer."""
    monkeypatch.setattr(ml, "DLModelTrainer", NoTrainer)
    run = make_run(market, "price", "queued", config={})
    with pytest.raises(InvalidInput) as caught:
        training_execute(run_id=run.pk)
    assert caught.value.code == "not_enough_data"
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "not_enough_data")
    assert "too little history" in run.error_message
    assert run.audit["rows"] == 400


class NoTrainer:
    device = "cpu"

    def __init__(self, *args, **kwargs):
        pass

    def train(self, *args, **kwargs):
        raise AssertionError("it must not come to this")
