"""One story on real processes: request, worker, artifact, promotion, forecast; and what happens to
a training that is killed in the middle."""

from __future__ import annotations

import os
import signal

import pytest
from rest_framework.test import APIClient

from analytics.models import Market, PriceHistory, TrainedModel, TrainingRun
from analytics.services import main_job
from analytics.services.anomalies.scan import anomaly_scan
from analytics.services.forecasts.prediction import forecast_make
from analytics.services.jobs.training import training_request
from analytics.services.main_job import Outcome, watch, worker_running
from analytics.services.prices.simulation import price_simulate

Status = TrainingRun.Status


@pytest.fixture
def market(for_children):
    return price_simulate(days=60, seed=1)


def start(market: Market, task: str, **params: int) -> Outcome:
    run = training_request(market=market, task=task, params=params)
    return Outcome(market=market, runs={task: run})


def test_from_a_request_through_the_worker_to_an_answer(market, home, admin_user):
    client = APIClient()
    client.force_authenticate(admin_user)
    line = "/api/v1/analytics/dl/train-price-predictor?epochs=2&batch_size=64&members=1"
    answer = client.post(line)
    assert answer.status_code == 202
    assert answer["Location"] == answer.json()["status_url"]
    assert client.post(line).status_code == 409
    run = TrainingRun.objects.get(pk=answer.json()["run_id"])
    outcome = Outcome(market=market, runs={"price": run})
    with worker_running() as worker:
        for _runs in watch(outcome, worker):
            pass
    run = outcome.runs["price"]
    assert run.status == Status.SUCCEEDED, run.error_message
    assert run.losses
    assert run.dataset_hash
    assert run.versions["torch"]
    assert (home / "artifacts" / run.model.artifact / "weights.safetensors").is_file()
    seen = client.get(answer["Location"]).json()
    assert seen["status"] == "succeeded"

    forecast = client.post("/api/v1/analytics/dl/predict-price", {}, format="json").json()
    assert forecast["model"]["id"] == run.model.pk
    assert [h["steps"] for h in forecast["horizons"]] == [1, 6, 24, 48]
    again = forecast_make(task="price", market=market)
    assert again["predicted_price"] == forecast["predicted_price"]
    assert market.forecasts.count() == 1

    columns = run.model.input_columns
    rows = PriceHistory.objects.filter(market=market).exclude(bid=None).exclude(ask=None)
    sequence = [
        [None if v is None else float(v) for v in row]
        for row in rows.order_by("timestamp").values_list(*columns)[: run.model.window]
    ]
    posted = client.post(
        "/api/v1/analytics/dl/predict-price", {"sequence": sequence}, format="json"
    )
    assert posted.status_code == 200, posted.content
    assert market.forecasts.count() == 1


def test_a_training_killed_in_the_middle_is_trained_again_and_scanning_twice_adds_nothing(market):
    outcome = start(market, "anomaly", epochs=4, members=1)
    killed: list[int] = []
    with worker_running() as worker:
        for (run,) in watch(outcome, worker):
            if not killed and run.status == Status.RUNNING:
                killed.append(run.pid)
                os.kill(run.pid, signal.SIGKILL)
    run = outcome.runs["anomaly"]
    assert killed
    assert (run.status, run.attempts) == (Status.SUCCEEDED, 2)
    assert run.pid not in killed
    assert TrainedModel.objects.count() == 1

    first = anomaly_scan(market=market, threshold=0.03)
    second = anomaly_scan(market=market, threshold=0.03)
    assert first["count"] > 0
    assert first["stored_new"] == market.anomalies.count()
    assert second["stored_new"] == 0
    assert main_job.is_done(market) is False
