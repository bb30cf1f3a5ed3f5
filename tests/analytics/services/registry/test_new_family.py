"""A family that is one new file goes through everything: trained, promoted, asked, purged."""

from __future__ import annotations

from typing import Any

import pytest

import ml
from analytics.models import Market, TrainedModel
from analytics.selectors.models import serving_list
from analytics.services.anomalies.scan import anomaly_scan
from analytics.services.forecasts.prediction import forecast_make
from analytics.services.jobs.training import training_execute, training_request
from analytics.services.patterns import pattern_recognize
from analytics.services.prices.simulation import price_simulate
from analytics.services.registry.families import family_list
from analytics.services.registry.promotion import model_promote
from analytics.services.registry.purge import models_purge
from tests.toy_families import NAME, TOYS, short_params

pytestmark = pytest.mark.any_database

Status = TrainedModel.Status


@pytest.fixture
def market(db) -> Market:
    return price_simulate(days=40, seed=1)


def answer_of(task: ml.Task, market: Market) -> dict[str, Any]:
    if task is ml.Task.ANOMALY:
        return anomaly_scan(market=market)
    if task is ml.Task.PATTERN:
        return pattern_recognize(market=market)
    return forecast_make(task=task, market=market)


@pytest.mark.parametrize("task", list(TOYS), ids=str)
def test_a_new_family_is_trained_promoted_asked_and_purged(task, market, home):
    spec = TOYS[task]
    with ml.registered(spec):
        offered = {(str(family["task"]), family["name"]) for family in family_list()}
        assert (str(task), NAME) in offered
        models = []
        for _ in range(2):
            run = training_request(
                market=market, task=task, family=NAME, params=short_params(spec), enqueue=False
            )
            run = training_execute(run_id=run.pk)
            assert run.status == "succeeded", run.error_message
            models.append(run.model)
        second = models[1]
        for model in models:
            model.refresh_from_db()
            if model.status != Status.ACTIVE:
                model_promote(model=model, reason="a test", force=True)
        assert serving_list(market, task)[0].model == second
        answer = answer_of(task, market)
        assert (answer["model"]["id"], answer["model"]["family"]) == (second.pk, NAME)
        assert answer["model"]["source"] == "network"
        assert [gone["version"] for gone in models_purge(keep=1)] == [1]
    assert [folder.name for folder in (home / "artifacts").iterdir() if folder.name[0] != "."] == [
        second.artifact
    ]
    assert (str(task), NAME) not in {(str(f["task"]), f["name"]) for f in family_list()}
