"""The life of a training run, without a network: what the rows go through."""

from __future__ import annotations

import datetime as dt
import os
import socket

import pytest
from django.utils import timezone

import ml
from analytics import queue
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import Market, ModelEvent, PriceHistory, TrainedModel, TrainingRun
from analytics.services.jobs import execution, training
from analytics.services.jobs.execution import training_execute
from analytics.services.jobs.training import (
    training_cancel,
    training_reap,
    training_request,
    training_ring_again,
)

Status = TrainingRun.Status
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def market(db):
    market = Market.objects.create(asset="USDT", fiat="BOB", exchange="here", cadence_minutes=30)
    PriceHistory.objects.bulk_create(
        PriceHistory(market=market, timestamp=START + dt.timedelta(minutes=30 * i), bid=7, ask=8)
        for i in range(1200)
    )
    return market


@pytest.fixture
def bell(monkeypatch):
    """What was queued."""
    rung: list[tuple[str, int]] = []
    monkeypatch.setattr(queue, "enqueue", lambda path, *ids: rung.append((path, *ids)))
    return rung


@pytest.fixture
def request_run(market, bell):
    return lambda **more: training_request(
        **{"market": market, "task": "price", "params": {}, **more}
    )


class Trainer:
    """Stands in for the network: reports one epoch, then does what the test asks for."""

    ending: BaseException | None = None

    def __init__(self, out_dir, *, device, step_minutes, on_progress, labels=()):
        self.out_dir, self.on_progress = out_dir, on_progress
        self.device, self.step = device or "cpu", step_minutes

    def train(self, family, frame, **params):
        goes_on = self.on_progress(
            ml.Progress(stage="training", epoch=1, epochs=2, train_loss=1.0, valid_loss=2.0)
        )
        if self.ending is not None:
            raise self.ending
        if not goes_on:
            raise ml.Cancelled("stop")
        folder = self.out_dir / family
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        return report_of(folder, family, frame)


def report_of(folder, family, frame, *, score=0.9, baseline_score=1.0):
    first, last = frame.index[0].to_pydatetime(), frame.index[-1].to_pydatetime()
    return ml.TrainReport(
        task=ml.Task.PRICE,
        family=family,
        folder=folder,
        metrics={"crps": score},
        baseline="last_value",
        baseline_metrics={"crps": baseline_score},
        primary="crps",
        score=score,
        baseline_score=baseline_score,
        beats_baseline=score < baseline_score,
        data_from=first,
        data_until=last,
        trained_until=first,
        test_from=first,
        quote_rows=len(frame),
        grid_rows=len(frame),
        step_minutes=30,
        window=48,
        input_columns=("bid", "ask"),
        dataset_hash="0" * 64,
        seed=0,
        versions={"torch": "2"},
        device="cpu",
        epochs_run=2,
        best_epoch=1,
        losses=((1.0, 2.0),),
        seconds=1.0,
        checksum="c" * 64,
    )


@pytest.fixture
def trainer(monkeypatch):
    monkeypatch.setattr(Trainer, "ending", None)
    monkeypatch.setattr(ml, "DLModelTrainer", Trainer)
    return Trainer


def test_a_request_stores_the_whole_config_and_rings_the_bell(request_run, bell):
    run = request_run(params={"epochs": "7", "learning_rate": 0.001})
    assert run.status == Status.QUEUED
    assert run.config["epochs"] == 7
    assert run.config["learning_rate"] == 0.001
    assert {"batch_size", "seed", "patience"} <= run.config.keys()
    assert run.data_until == START + dt.timedelta(minutes=30 * 1199)
    assert bell == [(training.RUN_TASK, run.pk)]


def test_an_open_twin_is_a_conflict_that_names_it(request_run):
    run = request_run()
    with pytest.raises(Conflict) as caught:
        request_run()
    assert caught.value.code == "run_open"
    assert caught.value.details == {"run_id": run.pk}
    assert TrainingRun.objects.count() == 1


def test_another_task_is_no_twin(request_run):
    request_run()
    request_run(task="spread")
    assert TrainingRun.objects.count() == 2


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


def test_a_run_goes_from_queued_to_a_version_that_answers(request_run, trainer, home):
    run = training_execute(run_id=request_run().pk)
    assert run.status == Status.SUCCEEDED
    assert run.losses == [["training", 1.0, 2.0]]
    assert run.attempts == 1
    model = run.model
    assert model.version == 1
    assert model.status == TrainedModel.Status.ACTIVE
    assert (home / "artifacts" / model.artifact / "manifest.json").is_file()
    assert not list((home / "artifacts" / ".staging").iterdir())


def test_second_delivery_of_a_run_does_nothing(request_run, trainer):
    run = training_execute(run_id=request_run().pk)
    again = training_execute(run_id=run.pk)
    assert again.attempts == 1
    assert TrainedModel.objects.count() == 1


def test_a_model_that_loses_to_its_baseline_is_kept_back_with_a_trail(
    request_run, trainer, monkeypatch
):
    good = report_of
    monkeypatch.setitem(globals(), "report_of", lambda *a, **k: good(*a, **{**k, "score": 1.2}))
    run = training_execute(run_id=request_run().pk)
    assert run.model.status == TrainedModel.Status.CANDIDATE
    event = ModelEvent.objects.get()
    assert event.action == ModelEvent.Action.KEPT_BACK
    assert event.figures["score"] == 1.2


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        (ml.NotEnoughData("few", needed=9, present=1), Status.FAILED, "not_enough_data"),
        (ml.TrainingDiverged("nan"), Status.FAILED, "training_diverged"),
        (ZeroDivisionError("x"), Status.FAILED, "internal"),
        (SystemExit(1), Status.FAILED, "interrupted"),
        (KeyboardInterrupt(), Status.FAILED, "interrupted"),
    ],
)
def test_any_other_ending_closes_the_run_and_drops_the_folder(
    request_run, trainer, monkeypatch, home, ending, status, code
):
    monkeypatch.setattr(trainer, "ending", ending)
    run = request_run()
    with pytest.raises((type(ending), InvalidInput)):
        training_execute(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (status, code)
    assert run.finished_at is not None
    assert not TrainedModel.objects.exists()
    assert not list((home / "artifacts" / ".staging").iterdir())


def test_a_queued_run_is_cancelled_at_once_and_never_starts(request_run, trainer):
    run = training_cancel(run=request_run())
    assert run.status == Status.CANCELLED
    assert training_execute(run_id=run.pk).attempts == 0


def test_a_running_run_is_cancelled_at_the_end_of_its_epoch(request_run, trainer, monkeypatch):
    run = request_run()
    asked = execution._Reporter.__call__

    def cancel_first(self, progress):
        training_cancel(run=run)
        return asked(self, progress)

    monkeypatch.setattr(execution._Reporter, "__call__", cancel_first)
    assert training_execute(run_id=run.pk).status == Status.CANCELLED
    assert not TrainedModel.objects.exists()


def test_a_closed_run_cannot_be_cancelled(request_run, trainer):
    run = training_execute(run_id=request_run().pk)
    with pytest.raises(Conflict) as caught:
        training_cancel(run=run)
    assert caught.value.code == "run_closed"


def dead_run(run, *, attempts=1, **more):
    old = timezone.now() - dt.timedelta(hours=1)
    facts = {"status": Status.RUNNING, "heartbeat_at": old, "attempts": attempts, **more}
    TrainingRun.objects.filter(pk=run.pk).update(**facts)


def test_the_reaper_queues_a_dead_run_again_while_attempts_are_left(request_run, bell):
    run = request_run()
    dead_run(run)
    assert training_reap() == 1
    run.refresh_from_db()
    assert run.status == Status.QUEUED
    assert bell[-1] == (training.RUN_TASK, run.pk)
    assert len(bell) == 2


def test_the_reaper_fails_a_run_that_died_too_often(request_run, bell):
    run = request_run()
    dead_run(run, attempts=2)
    assert training_reap() == 1
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "worker_died")


def test_the_reaper_cancels_a_dead_run_that_was_to_be_cancelled(request_run):
    run = request_run()
    dead_run(run, cancel_requested=True)
    training_reap()
    run.refresh_from_db()
    assert run.status == Status.CANCELLED


def test_the_reaper_leaves_a_living_run_alone(request_run):
    run = request_run()
    here = {"host": socket.gethostname(), "pid": os.getpid()}
    dead_run(run, heartbeat_at=timezone.now(), **here)
    assert training_reap() == 0


def test_the_reaper_knows_at_once_when_a_process_of_this_machine_is_gone(request_run):
    run = request_run()
    gone = {"host": socket.gethostname(), "pid": 2**22 + 1}
    dead_run(run, heartbeat_at=timezone.now(), **gone)
    assert training_reap() == 1


def test_a_run_that_was_started_too_often_is_refused_before_the_work(request_run, trainer):
    run = request_run()
    TrainingRun.objects.filter(pk=run.pk).update(attempts=2)
    done = training_execute(run_id=run.pk)
    assert (done.status, done.error_code) == (Status.FAILED, "too_many_attempts")


def test_an_attempt_that_was_given_up_cannot_close_the_next_one(request_run):
    run = request_run()
    TrainingRun.objects.filter(pk=run.pk).update(status=Status.RUNNING, attempts=2)
    assert not training.training_close(run_id=run.pk, attempt=1, status=Status.SUCCEEDED)
    run.refresh_from_db()
    assert run.status == Status.RUNNING


def test_the_bell_is_rung_again_for_every_queued_run(request_run, bell):
    run = request_run()
    bell.clear()
    assert training_ring_again() == 1
    assert bell == [(training.RUN_TASK, run.pk)]
