"""What a killed process left undone is found by its mark and done by whoever comes next."""

from __future__ import annotations

import datetime as dt
import os
import socket
import threading

import pytest
from django.db import connection
from django.utils import timezone

from analytics import artifacts, queue
from analytics.conf import conf
from analytics.exceptions import Conflict
from analytics.models import Market, ModelEvent, TrainedModel, TrainingRun, WorkerHeartbeat
from analytics.services.jobs.leftovers import (
    DECIDE_TASK,
    PATIENCE,
    folders_sweep,
    messages_sweep,
    versions_decide,
    versions_undecided,
)
from analytics.services.jobs.processes import process_exists
from analytics.services.jobs.training import TRAINING, training_execute, training_request
from analytics.services.jobs.workers import WorkerSupervisor, jobs_ring_again
from analytics.services.registry import promotion
from analytics.services.registry.promotion import model_consider, model_promote
from tests.factories import make_market, make_model, make_run

Status = TrainedModel.Status
GONE = 2**22 + 7


def undecided(market: Market, pid: int = GONE, **fields) -> TrainedModel:
    """A candidate whose process ended between its row and the decision."""
    now = timezone.now()
    whose = {"host": socket.gethostname(), "pid": pid, "heartbeat_at": now, "finished_at": now}
    run = make_run(market, "price", "succeeded", **whose)
    return make_model(market, "price", Status.CANDIDATE, run=run, **fields)


# ---------------------------------------------------------------------------------- decisions
def test_a_version_that_nobody_decided_on_is_decided_once(db):
    model = undecided(make_market())
    assert versions_undecided() == [model]
    assert versions_decide() == 1
    model.refresh_from_db()
    assert model.status == Status.ACTIVE
    assert versions_decide() == 0
    assert not versions_undecided()
    assert [event.action for event in model.events.all()] == ["promoted"]


def test_a_version_that_is_not_better_is_kept_back_and_never_asked_about_again(db):
    model = undecided(make_market(), beats_baseline=False)
    assert versions_decide() == 1
    assert versions_decide() == 0
    assert ModelEvent.objects.get(model=model).action == ModelEvent.Action.KEPT_BACK


def test_a_living_process_is_left_to_decide_for_a_while(db):
    model = undecided(make_market(), pid=os.getpid())
    assert not versions_undecided()
    late = timezone.now() + dt.timedelta(seconds=PATIENCE + 1)
    assert versions_undecided(now=late) == [model]


def test_what_was_only_found_broken_is_undecided_still(db):
    model = undecided(make_market())
    ModelEvent.objects.create(model=model, label="x", action=ModelEvent.Action.BROKEN)
    assert versions_undecided() == [model]


def test_a_failure_that_nobody_foresaw_keeps_the_version_back_with_its_reason(db, monkeypatch):
    def fails(model, champion):
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(promotion, "assess", fails)
    model = undecided(make_market())
    assert not model_consider(model=model)
    assert "ZeroDivisionError: odd" in ModelEvent.objects.get(model=model).reason


def test_who_comes_second_decides_nothing(db, monkeypatch):
    """A person promotes the version while the policy still measures."""
    model = undecided(make_market())
    assess = promotion.assess

    def slow(one, champion):
        monkeypatch.setattr(promotion, "assess", assess)
        model_promote(model=TrainedModel.objects.get(pk=model.pk))
        return assess(one, champion)

    monkeypatch.setattr(promotion, "assess", slow)
    assert model_consider(model=model)
    assert [event.automatic for event in model.events.all()] == [False]
    with pytest.raises(Conflict):
        model_promote(model=model)


def test_a_champion_that_changed_meanwhile_is_compared_with_again(db, monkeypatch):
    market = make_market()
    champions = [make_model(market, "price", Status.ACTIVE)]
    model = undecided(market)
    seen = []

    def judged(one, champion):
        seen.append(champion)
        if len(seen) == 1:
            TrainedModel.objects.filter(pk=champion.pk).update(status=Status.RETIRED)
            champions.append(make_model(market, "price", Status.ACTIVE))
        return {"better": False, "verdict": "not_better"}

    monkeypatch.setattr(promotion, "assess", judged)
    assert not model_consider(model=model)
    assert seen == champions


@pytest.mark.django_db(transaction=True)
def test_many_who_decide_at_once_leave_one_decision():
    model = undecided(make_market())
    start = threading.Barrier(4)

    def decide() -> None:
        try:
            start.wait()
            model_consider(model=TrainedModel.objects.get(pk=model.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=decide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert model.events.filter(action="promoted").count() == 1


# ---------------------------------------------------------------------------------- folders
def test_folders_of_attempts_that_are_over_are_swept_and_no_others(db, home):
    market = make_market()
    dead = make_run(market, "price", "failed", attempts=2)
    alive = make_run(market, "spread", "running", attempts=2)
    model = make_model(market, "pattern", run=make_run(market, "pattern", "succeeded", attempts=1))
    kept = f"pattern-{market.pk}-run{model.run_id}-1"
    TrainedModel.objects.filter(pk=model.pk).update(artifact=kept)
    gone = [
        f"run-{alive.pk}-1",
        f"price-{market.pk}-run{dead.pk}-2",
        f"spread-{market.pk}-run{alive.pk}-1",
    ]
    stay = [
        kept,
        f"spread-{market.pk}-run{alive.pk}-2",
        f"price-{market.pk}-run{dead.pk + 1000}-1",
        f"price-{market.pk}-run{dead.pk}-3",
        "notes",
    ]
    artifacts.stage(f"run-{alive.pk}-2")
    artifacts.stage(gone[0])
    for name in (*gone[1:], *stay):
        (conf().artifacts / name).mkdir()
    assert sorted(folders_sweep()) == sorted(gone)
    left = {folder.name for folder in artifacts.folders()}
    assert left == {*stay, f"run-{alive.pk}-2"}
    assert folders_sweep() == []


def test_a_folder_of_a_database_that_was_set_back_is_in_nobody_s_way(market, bell, work, home):
    run = training_request(market=market, task="price", params={})
    old = home / "artifacts" / f"price-{market.pk}-run{run.pk}-1"
    old.mkdir(parents=True)
    (old / "of-another-life").touch()
    model = training_execute(run_id=run.pk).model
    assert model.artifact == old.name
    assert [path.name for path in old.iterdir()] == ["manifest.json"]


# ---------------------------------------------------------------------------------- the queue
@pytest.fixture
def run(market, commits_at_once):
    return training_request(market=market, task="price", params={})


def test_what_was_pulled_is_no_longer_waiting(run):
    from django_q.models import OrmQ

    assert queue.queue_length() == 1
    OrmQ.objects.update(lock=timezone.now() + dt.timedelta(hours=1))
    assert queue.queue_length() == 0
    assert len(queue.messages()) == 1


def test_a_closed_run_leaves_no_message(run):
    assert messages_sweep() == 0
    TrainingRun.objects.update(status="failed")
    queue.enqueue("analytics.tasks.score_forecasts")
    assert messages_sweep() == 1
    assert [path for _key, path, _ids in queue.messages()] == ["analytics.tasks.score_forecasts"]


def test_a_run_whose_message_was_lost_is_rung_for(run):
    soon = timezone.now() + dt.timedelta(seconds=1)
    assert jobs_ring_again(asked_before=soon) == 0
    queue.forget([key for key, _path, _ids in queue.messages()])
    assert jobs_ring_again(asked_before=soon - dt.timedelta(hours=1)) == 0
    assert jobs_ring_again(asked_before=soon) == 1
    assert [message[1:] for message in queue.messages()] == [(TRAINING.task_path, (run.pk,))]


def test_a_message_that_a_host_pulled_before_it_was_gone_is_rung_for_once(run, settings):
    from django_q.models import OrmQ

    lease = dt.timedelta(seconds=settings.Q_CLUSTER["ALT_CLUSTERS"][queue.LONG]["retry"])
    now = timezone.now()
    soon = now + dt.timedelta(seconds=1)
    seen = {"pid": 1, "cluster": queue.LONG, "started_at": now - dt.timedelta(hours=1)}
    WorkerHeartbeat.objects.create(name="here", seen_at=now, **seen)
    OrmQ.objects.update(lock=now - dt.timedelta(seconds=60) + lease)
    assert jobs_ring_again(asked_before=soon) == 0
    gone = WorkerHeartbeat.objects.create(name="there", seen_at=now, **seen)
    WorkerHeartbeat.objects.filter(pk=gone.pk).update(seen_at=now - dt.timedelta(seconds=70))
    assert jobs_ring_again(asked_before=soon) == 0, "it was gone before the message was pulled"
    WorkerHeartbeat.objects.filter(pk=gone.pk).update(seen_at=now - dt.timedelta(seconds=50))
    assert jobs_ring_again(asked_before=soon) == 1
    assert jobs_ring_again(asked_before=soon) == 0
    OrmQ.objects.filter(lock__lte=timezone.now()).update(lock=now + lease)
    assert jobs_ring_again(asked_before=soon) == 0, "somebody who lives has it"


# ---------------------------------------------------------------------------------- the supervisor
def test_a_beat_sweeps_and_rings_once_for_what_is_undecided(db, commits_at_once):
    market = make_market()
    undecided(market)
    staged = artifacts.stage(f"run-{make_run(market, 'spread', 'failed', attempts=1).pk}-1")
    supervisor = WorkerSupervisor(threading.Event(), name="here")
    supervisor.beat()
    supervisor.beat()
    rung = [path for _key, path, _ids in queue.messages()]
    assert rung.count(DECIDE_TASK) == 1
    assert not staged.exists()


@pytest.mark.django_db(transaction=True)
def test_a_beat_that_fails_is_logged_in_one_line_and_the_rest_is_done(monkeypatch, caplog):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifacts, "folders", full)
    undecided(make_market())
    WorkerSupervisor(threading.Event(), name="here").beat()
    assert "worker here: OSError: [Errno 28] No space left on device" in caplog.text
    assert "Traceback" not in caplog.text
    assert DECIDE_TASK in [path for _key, path, _ids in queue.messages()]


# ---------------------------------------------------------------------------------- processes
def test_a_process_that_has_only_the_number_is_another_one():
    hour = dt.timedelta(hours=1)
    assert process_exists(os.getpid(), since=timezone.now())
    assert not process_exists(os.getpid(), since=timezone.now() - hour * 24)
