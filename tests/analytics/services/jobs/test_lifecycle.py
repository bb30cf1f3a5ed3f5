"""What every kind of long work promises of its runs, whatever it does in between."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import signal
import socket
import subprocess

import pytest
from django.core.management import get_commands
from django.utils import timezone
from django.utils.module_loading import import_string

import ml
from analytics.conf import conf
from analytics.events import RunEnded, subscribed
from analytics.exceptions import AnalyticsError, Conflict
from analytics.models.run import Run
from analytics.services.jobs.kinds import job_kinds, kind_of, register
from analytics.services.jobs.lifecycle import (
    job_cancel,
    job_close,
    job_execute,
    job_reap,
    jobs_reap,
)
from analytics.services.jobs.workers import job_launch, jobs_ring_again

Status = Run.Status
GONE = 2**22 + 7  # above every process number that Linux gives out


def set_row(run: Run, **fields) -> None:
    type(run).objects.filter(pk=run.pk).update(**fields)


def as_running(run: Run, **fields) -> None:
    """Claimed by a process of this machine that is gone."""
    facts = {"status": Status.RUNNING, "attempts": 1, "heartbeat_at": timezone.now()}
    set_row(run, **{**facts, "host": socket.gethostname(), "pid": GONE, **fields})


def says(job, run: Run) -> tuple[str, str]:
    found = job.kind.get(run.pk)
    return found.status, found.error_code


def ending(job, run: Run, status: str, code: str = "") -> RunEnded:
    return RunEnded(kind=job.kind.name, run_id=run.pk, status=str(status), code=code)


# ---------------------------------------------------------------------------------- kinds
def test_the_kinds_are_known_by_their_models_and_can_be_started_by_name(job):
    assert job.kind in job_kinds()
    assert kind_of(job.request()) is job.kind
    assert callable(import_string(job.kind.task_path))
    assert get_commands()[job.kind.command] == "analytics"


def test_a_kind_is_registered_once(job):
    with pytest.raises(ValueError, match="already registered"):
        register(job.kind)
    with pytest.raises(ValueError, match="already registered"):
        register(dataclasses.replace(job.kind, model=Run))


# ---------------------------------------------------------------------------------- requested
def test_a_request_is_queued_and_rings_the_bell(job, bell):
    run = job.request()
    assert run.status == Status.QUEUED
    assert bell == [(job.kind.task_path, run.pk)]


def test_an_open_twin_is_a_conflict_that_names_it_and_another_is_no_twin(job, bell):
    run = job.request()
    with pytest.raises(Conflict) as caught:
        job.request()
    assert (caught.value.code, caught.value.details) == (job.kind.twin_code, {"run_id": run.pk})
    assert caught.value.message == job.twin
    assert job.request(**job.other).pk != run.pk
    assert len(bell) == job.kind.runs.count() == 2


def test_a_dead_twin_that_had_all_its_attempts_stands_in_nobody_s_way(job):
    dead = job.request()
    as_running(dead, attempts=conf().MAX_ATTEMPTS)
    assert job.request().pk != dead.pk
    assert says(job, dead) == (Status.FAILED, "worker_died")


# ---------------------------------------------------------------------------------- executed
def test_a_queued_run_is_done_and_its_ending_is_told(job, work, ended):
    run = job_execute(job.kind, run_id=job.request().pk)
    assert (run.status, run.error_code, run.stage, run.attempts) == (Status.SUCCEEDED, "", "", 1)
    assert (run.host, run.pid) == (socket.gethostname(), os.getpid())
    assert run.progress == 1.0
    assert run.seconds >= 0
    assert ended == [ending(job, run, Status.SUCCEEDED)]


def test_a_second_delivery_does_nothing(job, work, ended):
    run = job_execute(job.kind, run_id=job.request().pk)
    assert job_execute(job.kind, run_id=run.pk).attempts == 1
    running = job.request()
    as_running(running, pid=os.getpid())
    assert job_execute(job.kind, run_id=running.pk).status == Status.RUNNING
    assert (work.done, len(ended)) == (1, 1)


def test_progress_is_stored_with_a_sign_of_life(job, work):
    run = job.request()
    seen = []
    work.ending = ZeroDivisionError("x")
    stored = type(run).objects.filter(pk=run.pk)

    def watch(progress):
        seen.append((progress.stage, stored.values_list("stage", "heartbeat_at").get()))

    with pytest.raises(ZeroDivisionError):
        job_execute(job.kind, run_id=run.pk, listener=watch)
    (stage, (stored_stage, heartbeat)) = seen[0]
    assert (stage, stored_stage) == (job.busy_stage, "starting")
    assert job.kind.get(run.pk).heartbeat_at > heartbeat
    assert job.kind.get(run.pk).progress == 0.5


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (ml.NotEnoughData("few", needed=9, present=1), "not_enough_data"),
        (ml.TrainingDiverged("nan"), "training_diverged"),
        (ZeroDivisionError("x"), "internal"),
        (SystemExit(1), "interrupted"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_any_other_ending_closes_the_run_and_is_raised(job, work, ended, how, code):
    work.ending = how
    run = job.request()
    with pytest.raises((type(how), AnalyticsError)):
        job_execute(job.kind, run_id=run.pk)
    assert says(job, run) == (Status.FAILED, code)
    assert job.kind.get(run.pk).finished_at is not None
    assert ended == [ending(job, run, Status.FAILED, code)]


def test_a_run_that_was_started_too_often_is_refused_before_the_work(job, work, ended):
    run = job.request()
    set_row(run, attempts=conf().MAX_ATTEMPTS)
    job_execute(job.kind, run_id=run.pk)
    assert says(job, run) == (Status.FAILED, "too_many_attempts")
    assert work.done == 0
    assert ended == [ending(job, run, Status.FAILED, "too_many_attempts")]


# ---------------------------------------------------------------------------------- cancelled
def test_a_queued_run_is_cancelled_at_once_and_never_starts(job, work, ended):
    run = job_cancel(run=job.request())
    assert says(job, run) == (Status.CANCELLED, "cancelled")
    assert job_execute(job.kind, run_id=run.pk).attempts == 0
    assert (work.done, ended) == (0, [ending(job, run, Status.CANCELLED, "cancelled")])


def test_a_running_run_is_cancelled_at_its_next_report(job, work, ended):
    run = job.request()
    done = job_execute(job.kind, run_id=run.pk, listener=lambda progress: job_cancel(run=run))
    assert (done.status, done.error_code, work.done) == (Status.CANCELLED, "cancelled", 1)
    assert ended == [ending(job, run, Status.CANCELLED, "cancelled")]


def test_a_closed_run_cannot_be_cancelled(job, work, ended):
    run = job_execute(job.kind, run_id=job.request().pk)
    with pytest.raises(Conflict) as caught:
        job_cancel(run=run)
    assert (caught.value.code, caught.value.details) == ("run_closed", {"run_id": run.pk})
    assert len(ended) == 1


# ---------------------------------------------------------------------------------- closed
def test_closing_is_a_compare_and_set(job, ended):
    run = job.request()
    as_running(run)
    first = job.kind.get(run.pk)
    as_running(run, attempts=2)
    assert not job_close(first, status=Status.SUCCEEDED)
    assert (says(job, run)[0], ended) == (Status.RUNNING, [])
    second = job.kind.get(run.pk)
    assert job_close(second, status=Status.SUCCEEDED)
    assert not job_close(second, status=Status.FAILED, code="internal")
    assert says(job, run) == (Status.SUCCEEDED, "")
    assert ended == [ending(job, run, Status.SUCCEEDED)]


# ---------------------------------------------------------------------------------- reaped
def test_a_dead_run_is_queued_again_while_attempts_are_left_then_failed(job, bell, ended):
    run = job.request()
    bell.clear()
    as_running(run)
    assert job_reap(job.kind) == 1
    assert bell == [(job.kind.task_path, run.pk)]
    assert (says(job, run), ended) == ((Status.QUEUED, ""), [])
    as_running(run, attempts=conf().MAX_ATTEMPTS)
    assert jobs_reap() == 1
    assert says(job, run) == (Status.FAILED, "worker_died")
    assert ended == [ending(job, run, Status.FAILED, "worker_died")]
    assert jobs_reap() == 0


def test_a_dead_run_that_was_to_be_cancelled_is_cancelled(job, ended):
    run = job.request()
    as_running(run, cancel_requested=True)
    assert job_reap(job.kind) == 1
    assert ended == [ending(job, run, Status.CANCELLED, "cancelled")]


def test_a_living_run_is_left_alone_until_its_heartbeat_is_too_old(job):
    run = job.request()
    as_running(run, pid=os.getpid())
    assert job_reap(job.kind) == 0
    late = timezone.now() + dt.timedelta(seconds=conf().REAP_AFTER + 1)
    assert job_reap(job.kind, now=late) == 1
    as_running(run, host="elsewhere")
    assert job_reap(job.kind) == 0


def test_a_subscriber_that_fails_keeps_its_run_and_no_other_from_being_reaped(job, caplog):
    first, second = job.request(), job.request(**job.other)
    for run in (first, second):
        as_running(run, attempts=conf().MAX_ATTEMPTS)

    def fail(event: RunEnded) -> None:
        if event.run_id == first.pk:
            raise ZeroDivisionError

    with subscribed(fail, RunEnded, durable=True):
        assert jobs_reap() == 1
    assert (says(job, first)[0], says(job, second)[0]) == (Status.RUNNING, Status.FAILED)
    assert "cannot be reaped" in caplog.text
    assert jobs_reap() == 1
    assert says(job, first) == (Status.FAILED, "worker_died")


def test_the_bell_is_rung_again_for_every_queued_run_of_the_worker_s(job, bell):
    run = job.request()
    mine = job.request(**job.other, enqueue=False)
    set_row(mine, by_worker=False)
    bell.clear()
    assert jobs_ring_again() == 1
    assert bell == [(job.kind.task_path, run.pk)]


# ------------------------------------------------------------------ in a child of the worker's
@pytest.fixture
def short_limit(settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "TRAIN_TIMEOUT": 1}


def test_a_run_that_takes_too_long_is_closed_and_its_process_gone(
    for_children, job, ended, short_limit
):
    """A second is not enough for the child to load torch, so it is killed, claimed or not."""
    run = job.request()
    job_launch(job.kind, run_id=run.pk)
    assert says(job, run) == (Status.FAILED, "timeout")
    assert job.kind.get(run.pk).error_message.endswith("took longer than 1 s.")
    assert ended == [ending(job, run, Status.FAILED, "timeout")]


def test_the_queue_s_own_limit_closes_the_run_too(for_children, job, ended, monkeypatch):
    """The queue raises SystemExit in its task."""
    run = job.request()
    start = subprocess.Popen.__init__

    def limit(signum, frame):
        raise SystemExit(1)

    def started(self, *arguments, **options):
        start(self, *arguments, **options)
        signal.setitimer(signal.ITIMER_REAL, 0.3)  # while the child is waited for

    before = signal.signal(signal.SIGALRM, limit)
    monkeypatch.setattr(subprocess.Popen, "__init__", started)
    try:
        with pytest.raises(SystemExit):
            job_launch(job.kind, run_id=run.pk)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert says(job, run) == (Status.FAILED, "timeout")
    assert ended == [ending(job, run, Status.FAILED, "timeout")]
