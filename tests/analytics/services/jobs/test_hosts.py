"""Three hosts on one PostgreSQL and one storage of artifacts, two of them killed in the middle of a
training: every run ends, once. Minutes on a small machine: `make soak` runs it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from analytics import artifacts, queue
from analytics.models import ModelEvent, TrainedModel, TrainingRun, WorkerHeartbeat
from analytics.services.jobs.training import training_request
from analytics.services.registry.serving import predictor_of
from p2p.storages import storage_settings
from tests.factories import make_market, make_quotes

from .test_clusters import wait_for

Status = TrainingRun.Status
HOSTS = ("host-a", "host-b", "host-c")
SHORT = {"epochs": 12, "members": 1}


def can_be_hosts() -> bool:
    """Whether a process may have a host name of its own here."""
    tool = shutil.which("unshare")
    quiet = {"stderr": subprocess.DEVNULL}
    return tool is not None and not subprocess.call([tool, "--uts", "true"], **quiet)


pytestmark = [
    pytest.mark.skipif(not os.environ.get("PARALELO_TEST_HOSTS"), reason="long; make soak runs it"),
    pytest.mark.skipif(not can_be_hosts(), reason="unshare --uts gives no host name here"),
]


def processes_of(host: str) -> list[int]:
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"TEST_HOST={host}".encode() in environ.read_bytes().split(b"\0"):
                found.append(int(environ.parent.name))
    return found


def power_off(host: str) -> None:
    """Every process of it, at once, until none is left."""
    while processes := processes_of(host):
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def hosts(for_children, monkeypatch, settings, tmp_path) -> Iterator[None]:
    """Three workers, each with a host name and a home of its own."""
    if connection.vendor != "postgresql":
        pytest.skip("hosts share a PostgreSQL")
    shared = f"file://{tmp_path / 'shared'}"
    (tmp_path / "shared").mkdir()
    settings.STORAGES = storage_settings(shared)
    monkeypatch.setenv("PARALELO_TEST_ARTIFACT_STORAGE", shared)
    monkeypatch.setenv("PARALELO_TEST_REAP_AFTER", "30")
    workers = []
    for host in HOSTS:
        home = tmp_path / host
        home.mkdir()
        named = f"hostname {host} && exec {sys.executable} manage.py run_worker"
        environment = {**os.environ, "TEST_HOST": host, "PARALELO_TEST_HOME": str(home)}
        with (home / "worker.log").open("wb") as log:
            asked = ["unshare", "--uts", "sh", "-c", named]
            workers.append(subprocess.Popen(asked, env=environment, stdout=log, stderr=log))
    yield
    for host in HOSTS:
        power_off(host)
    for worker in workers:
        worker.wait()


def training_on(host: str) -> TrainingRun | None:
    mid = TrainingRun.objects.filter(status=Status.RUNNING, epoch__gte=1)
    return mid.filter(host=host).first()


def test_two_of_three_hosts_die_in_the_middle_and_every_run_ends_once(hosts):
    long = WorkerHeartbeat.objects.filter(cluster=queue.LONG, answered_at__isnull=False)
    wait_for(lambda: long.count() == len(HOSTS))
    doomed = list(HOSTS[1:])
    killed: dict[str, int] = {}
    runs: list[TrainingRun] = []

    def ask() -> None:
        market = make_market(f"USDT/BOB@m{len(runs)}", cadence_minutes=30)
        make_quotes(market, 1500)
        asked = {"market": market, "task": "price", "family": "dlinear", "params": SHORT}
        runs.append(training_request(**asked))

    def kill_who_trains() -> bool:
        for host in set(doomed) - set(killed):
            if run := training_on(host):
                power_off(host)
                killed[host] = run.pk
        return len(killed) == len(doomed)

    def step() -> bool:
        waiting = TrainingRun.objects.filter(status=Status.QUEUED).exists()
        busy = TrainingRun.objects.filter(status=Status.RUNNING).values_list("host", flat=True)
        if not waiting and set(doomed) - set(killed) - set(busy):
            ask()
        return kill_who_trains()

    wait_for(step, seconds=400.0)
    still_open = TrainingRun.objects.filter(status__in=TrainingRun.OPEN)
    wait_for(lambda: not still_open.exists(), seconds=480.0)
    ended = TrainingRun.objects.order_by("pk")
    assert [run.status for run in ended] == [Status.SUCCEEDED] * len(runs)
    assert {run.pk for run in ended if run.attempts == 2} >= set(killed.values())
    trained = TrainedModel.objects.order_by("run_id").values_list("run_id", flat=True)
    assert list(trained) == [run.pk for run in runs]
    decided = ModelEvent.objects.filter(action__in=["promoted", "kept_back"])
    wait_for(lambda: decided.count() == len(runs))
    assert len({event.model_id for event in decided}) == len(runs)
    # This process is a fourth host: it has none of the folders.
    assert artifacts.folders() == []
    for model in TrainedModel.objects.all():
        assert predictor_of(model).task == "price"
