"""Trainings: what is asked for, what is refused, what a version is made of."""

from __future__ import annotations

import datetime as dt

import pytest

import ml
from analytics import events
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import Market, ModelEvent, TrainedModel, TrainingRun
from analytics.services.jobs.lifecycle import job_close, job_reap
from analytics.services.jobs.training import TRAINING, training_execute, training_request

Status = TrainingRun.Status
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def request_run(market, bell):
    return lambda **more: training_request(
        **{"market": market, "task": "price", "params": {}, **more}
    )


def test_a_request_stores_the_whole_config_and_rings_the_bell(request_run, bell):
    run = request_run(params={"epochs": "7", "learning_rate": 0.001})
    assert run.status == Status.QUEUED
    assert run.config["epochs"] == 7
    assert run.config["learning_rate"] == 0.001
    assert {"batch_size", "seed", "patience"} <= run.config.keys()
    assert run.data_until == START + dt.timedelta(minutes=30 * 1199)
    assert bell == [(TRAINING.task_path, run.pk)]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"epochs": 0}, "epochs"),
        ({"epochs": -1}, "epochs"),
        ({"epochs": 10**9}, "epochs"),
        ({"epochs": "x"}, "epochs"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"batch_size": True}, "batch_size"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_parameter_is_named_and_leaves_nothing(request_run, bell, params, field):
    with pytest.raises(InvalidInput) as caught:
        request_run(params=params)
    assert field in caught.value.fields
    assert not TrainingRun.objects.exists()
    assert not bell


def test_too_little_history_says_how_much_is_needed_and_present(request_run, market):
    with pytest.raises(InvalidInput) as caught:
        request_run(until=START + dt.timedelta(hours=5))
    assert caught.value.code == "not_enough_data"
    assert caught.value.details["present"] == 11
    assert caught.value.details["needed"] >= 100


def test_no_history_at_all_is_said(db, bell):
    empty = Market.objects.create(asset="USDT", fiat="VES", exchange="here")
    with pytest.raises(InvalidInput) as caught:
        training_request(market=empty, task="price", params={})
    assert caught.value.code == "no_history"


def test_a_run_goes_from_queued_to_a_version_that_answers(request_run, work, home):
    run = training_execute(run_id=request_run().pk)
    assert run.status == Status.SUCCEEDED
    assert run.losses == [["training", 1.0, 2.0, 1]]
    assert run.attempts == 1
    model = run.model
    assert model.version == 1
    assert model.status == TrainedModel.Status.ACTIVE
    assert (home / "artifacts" / model.artifact / "manifest.json").is_file()
    assert not list((home / "artifacts" / ".staging").iterdir())


def test_a_model_that_loses_to_its_baseline_is_kept_back_with_a_trail(request_run, work):
    work.scores = {"score": 1.2}
    run = training_execute(run_id=request_run().pk)
    assert run.model.status == TrainedModel.Status.CANDIDATE
    event = ModelEvent.objects.get()
    assert event.action == ModelEvent.Action.KEPT_BACK
    assert event.figures["score"] == 1.2


def test_a_published_version_is_told_before_the_policy_decides(request_run, work):
    told = []
    kinds = (events.ModelPublished, events.ModelPromoted, events.RunEnded)
    with events.subscribed(told.append, *kinds, durable=True):
        run = training_execute(run_id=request_run().pk)
    same = {"model_id": run.model.pk, "market_id": run.market_id, "task": "price", "version": 1}
    assert told == [
        events.RunEnded(kind="training", run_id=run.pk, status="succeeded", code=""),
        events.ModelPublished(**same),
        events.ModelPromoted(**same, action="promoted", automatic=True, replaced=None),
    ]


@pytest.mark.parametrize("ending", [ml.TrainingDiverged("nan"), SystemExit(1)])
def test_a_training_that_does_not_end_well_leaves_neither_version_nor_folder(
    request_run, work, home, ending
):
    work.ending = ending
    with pytest.raises((SystemExit, InvalidInput)):
        training_execute(run_id=request_run().pk)
    assert not TrainedModel.objects.exists()
    assert not list((home / "artifacts" / ".staging").iterdir())


def test_a_run_that_was_closed_meanwhile_publishes_nothing(request_run, work, home, monkeypatch):
    learned = ml.DLModelTrainer.train

    def train(self, task, frame, *, family, **params):
        report = learned(self, task, frame, family=family, **params)
        assert job_close(TRAINING.get(run.pk), status=Status.FAILED, code="timeout")
        return report

    monkeypatch.setattr(ml.DLModelTrainer, "train", train)
    run = request_run()
    assert training_execute(run_id=run.pk).error_code == "timeout"
    assert not TrainedModel.objects.exists()
    assert [folder.name for folder in (home / "artifacts").iterdir()] == [".staging"]


def test_a_dead_training_starts_again_from_nothing(request_run):
    run = request_run()
    facts = {"epoch": 3, "losses": [["training", 1.0, 2.0, 1]], "stage": "training"}
    old = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    TrainingRun.objects.filter(pk=run.pk).update(
        status=Status.RUNNING, attempts=1, heartbeat_at=old, **facts
    )
    with pytest.raises(Conflict):
        request_run()
    run.refresh_from_db()
    assert (run.status, run.epoch, run.losses, run.stage) == (Status.QUEUED, 0, [], "")


def test_a_training_that_a_command_had_started_and_that_died_is_the_worker_s(request_run, bell):
    run = request_run(enqueue=False)
    assert not bell
    old = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    TrainingRun.objects.filter(pk=run.pk).update(
        status=Status.RUNNING, attempts=1, heartbeat_at=old
    )
    assert job_reap(TRAINING) == 1
    assert bell == [(TRAINING.task_path, run.pk)]
