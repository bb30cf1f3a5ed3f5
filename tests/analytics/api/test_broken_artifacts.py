"""An artifact that cannot be used is the server's own fault: 503, in the one shape; and the version
before answers where there is one."""

from __future__ import annotations

import json

import pytest
from rest_framework.test import APIClient

from analytics.models import TrainedModel
from analytics.services.jobs.training import training_execute, training_request
from analytics.services.prices.simulation import price_simulate
from analytics.services.registry import serving
from tests.factories import make_model

LINE = "/api/v1/analytics/dl/predict-price"


@pytest.fixture
def client(admin_user):
    client = APIClient()
    client.force_authenticate(admin_user)
    return client


@pytest.fixture
def trained(db):
    """A market with one real price version."""
    market = price_simulate(days=40, seed=2)
    run = training_request(market=market, task="price", params={"epochs": 1})
    training_execute(run_id=run.pk)
    serving.load_predictor.cache_clear()
    return run.refresh_from_db() or run.model


def break_it(folder, how):
    weights, manifest = folder / "weights.safetensors", folder / "manifest.json"
    if how == "no folder":
        folder.rename(folder.with_name("elsewhere"))
    elif how == "no weights":
        weights.unlink()
    elif how == "cut weights":
        weights.write_bytes(weights.read_bytes()[:100])
    elif how == "other weights":
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    elif how == "other manifest":
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "window": 3}))
    else:
        manifest.write_text("{")


HOWS = ["no folder", "no weights", "cut weights", "other weights", "other manifest", "no json"]


@pytest.mark.parametrize("how", HOWS)
def test_a_broken_artifact_is_a_503_and_leaves_no_forecast(client, trained, home, how):
    break_it(home / "artifacts" / trained.artifact, how)
    answer = client.post(LINE, {}, format="json")
    assert answer.status_code == 503
    assert answer.json()["code"] == "artifact_broken"
    assert {"message", "fields"} <= answer.json().keys()
    assert not trained.forecasts.exists()


def test_the_version_that_still_loads_answers(client, trained):
    TrainedModel.objects.filter(pk=trained.pk).update(status="retired")
    make_model(trained.market, artifact="gone")
    answer = client.post(LINE, {}, format="json")
    assert answer.status_code == 200
    assert answer.json()["model"]["id"] == trained.pk
