"""What any broker outside the database is held to, with a real worker."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from analytics import queue
from analytics.models import ModelEvent, TrainedModel, TrainingRun, WorkerHeartbeat
from analytics.services.jobs.training import training_request
from tests.factories import make_market, make_quotes

from .test_clusters import child_of, processes_of, wait_for

Status = TrainingRun.Status
long_one = pytest.mark.skipif(
    not os.environ.get("PARALELO_TEST_HOSTS"), reason="long; make soak runs it"
)


@contextlib.contextmanager
def working() -> Iterator[subprocess.Popen[bytes]]:
    worker = subprocess.Popen([sys.executable, "manage.py", "run_worker"], start_new_session=True)
    try:
        yield worker
    finally:
        kill(worker)


def kill(worker: subprocess.Popen[bytes]) -> None:
    """Every process of it at once; a run's own dies with the one that started it."""
    if worker.poll() is None:
        leaders = [worker.pid, *(child_of(worker.pid, name) for name in queue.clusters())]
        for pid in [pid for leader in leaders for pid in processes_of(leader)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    worker.wait()


def ask(name: str, epochs: int) -> TrainingRun:
    market = make_market(f"USDT/BOB@{name}", cadence_minutes=30)
    make_quotes(market, 1200)
    params = {"epochs": epochs, "patience": epochs, "members": 1}
    return training_request(market=market, task="price", family="dlinear", params=params)


def killed_in_the_middle(lose: Callable[[], object] = lambda: None) -> None:
    """A worker is killed while it trains and others wait, with what it had pulled; then the broker
    may `lose` more. The next worker does all of them, each once."""
    runs = [ask(f"m{n}", 4) for n in range(3)]
    with working() as worker:
        wait_for(lambda: TrainingRun.objects.filter(status=Status.RUNNING, epoch__gte=1).exists())
        kill(worker)
        killed = set(TrainingRun.objects.filter(status=Status.RUNNING).values_list("pk", flat=True))
        assert TrainingRun.objects.filter(status=Status.QUEUED).exists()
        lose()
    with working():
        opened = TrainingRun.objects.filter(status__in=TrainingRun.OPEN)
        wait_for(lambda: not opened.exists(), seconds=600)
        decided = ModelEvent.objects.filter(action__in=["promoted", "kept_back"])
        wait_for(lambda: decided.count() == len(runs))
    ended = TrainingRun.objects.order_by("pk")
    assert [run.status for run in ended] == [Status.SUCCEEDED] * len(runs)
    assert {run.pk for run in ended if run.attempts == 2} == killed
    trained = TrainedModel.objects.order_by("run_id").values_list("run_id", flat=True)
    assert list(trained) == [run.pk for run in runs]
    assert len({event.model_id for event in decided}) == len(runs)


def away_and_back(away: Callable[[], object], back: AbstractContextManager[object]) -> None:
    """The broker goes away in the middle of a training, another is asked for, the broker returns
    and remembers nothing: both are done, once, by the worker that was there all the time."""
    before = ask("before", 40)
    opened = TrainingRun.objects.filter(status__in=TrainingRun.OPEN)
    with working():
        wait_for(lambda: opened.filter(status=Status.RUNNING, epoch__gte=1).exists())
        away()
        during = ask("during", 2)
        wait_for(lambda: not opened.filter(pk=before.pk).exists(), seconds=400)
        with back:
            wait_for(lambda: not opened.exists(), seconds=400)
            assert WorkerHeartbeat.objects.filter(cluster=queue.LONG).count() == 1
    ended = TrainingRun.objects.order_by("pk")
    assert [run.pk for run in ended] == [before.pk, during.pk]
    assert [(run.status, run.attempts) for run in ended] == [(Status.SUCCEEDED, 1)] * 2
