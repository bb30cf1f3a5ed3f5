"""A cluster that answers nothing is restarted and says so; long work keeps no short task back."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from analytics import queue
from analytics.models import WorkerHeartbeat
from analytics.services.jobs import clusters
from analytics.services.jobs.clusters import Cluster
from analytics.services.jobs.kinds import job_kinds
from analytics.services.jobs.schedules import PERIODIC
from analytics.services.jobs.workers import WorkerSupervisor
from analytics.services.status import readiness, worker_status

NAME = django_settings.Q_CLUSTER["name"]


def test_runs_go_to_the_cluster_of_long_work_and_everything_else_does_not():
    assert {queue.cluster_of(kind.task_path) for kind in job_kinds()} == {queue.LONG}
    short = [*(entry.task for entry in PERIODIC), clusters.PING_TASK]
    assert {queue.cluster_of(path) for path in short} == {NAME}
    assert set(queue.clusters()) == {NAME, queue.LONG}


@pytest.mark.django_db(transaction=True)
def test_long_work_of_the_version_before_is_moved_to_its_cluster():
    from django_q.models import OrmQ

    queue.enqueue_for(NAME, "analytics.tasks.run_training", 1)
    queue.enqueue("analytics.tasks.score_forecasts")
    assert queue.move_long() == 1
    assert queue.move_long() == 0
    keys = {row.task["func"]: row.key for row in OrmQ.objects.all()}
    assert keys == {"analytics.tasks.run_training": "long", "analytics.tasks.score_forecasts": NAME}


# ------------------------------------------------------------------------------ one that stands in
class Process:
    """Stands in for a cluster's process."""

    def __init__(self, *given, **how):
        self.returncode, self.pid = None, -1

    def poll(self):
        return self.returncode


@pytest.fixture
def cluster(db, monkeypatch, commits_at_once):
    monkeypatch.setattr(clusters, "group_start", Process)
    monkeypatch.setattr(clusters, "stop_group", lambda process, patience: None)
    made = Cluster("long", owner="here", is_busy=lambda: False)
    made.introduce()
    made.start()
    return made


def test_a_cluster_that_answers_is_left_alone(cluster):
    assert not cluster.look()
    WorkerHeartbeat.objects.update(answered_at=timezone.now() + dt.timedelta(seconds=1))
    assert not cluster.look()
    assert cluster.tries == 0


def test_an_unanswered_ping_restarts_it_and_the_row_says_why(cluster, caplog):
    cluster.look()
    cluster.pinged_at -= dt.timedelta(seconds=301)
    assert cluster.look()
    row = WorkerHeartbeat.objects.get()
    assert (row.name, row.cluster, row.restarts) == ("here long", "long", 1)
    assert row.restart_reason == "it answered nothing for 300 s"
    assert "cluster here long: it answered nothing for 300 s; restarting it" in caplog.text
    assert readiness()["worker_restarts"] == 1
    assert readiness()["worker_restarted_at"] == row.restarted_at
    assert worker_status()["workers"][0]["restart_reason"] == row.restart_reason


def test_only_the_cluster_that_answers_nothing_is_restarted(cluster):
    other = Cluster(NAME, owner="here", is_busy=lambda: False)
    other.introduce()
    other.start()
    for one in (cluster, other):
        one.look()
    cluster.pinged_at -= dt.timedelta(seconds=301)
    alive = other.process
    assert [one.look() for one in (cluster, other)] == [True, False]
    assert other.process is alive
    restarts = dict(WorkerHeartbeat.objects.values_list("cluster", "restarts"))
    assert restarts == {"long": 1, NAME: 0}


def test_a_cluster_whose_places_are_all_taken_is_not_wedged(cluster):
    cluster.look()
    cluster.pinged_at -= dt.timedelta(seconds=301)
    cluster.is_busy = lambda: True
    assert not cluster.look()
    cluster.is_busy = lambda: False
    assert not cluster.look()


def test_a_cluster_that_ends_at_once_is_started_ever_later(cluster, monkeypatch):
    clock = [time.monotonic()]
    monkeypatch.setattr(clusters.time, "monotonic", lambda: clock[0])
    starts = []
    for _second in range(120):
        cluster.process.returncode = 1
        if cluster.look():
            starts.append(_second)
        clock[0] += 1
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert len(starts) >= 4
    assert pauses == sorted(pauses)
    assert pauses[-1] > 3 * pauses[0]


def test_a_supervisor_runs_every_cluster():
    supervisor = WorkerSupervisor(threading.Event(), name="here")
    assert [one.name for one in supervisor.clusters] == [NAME, queue.LONG]


# ----------------------------------------------------------------------------------- the real thing
def processes_of(leader: int) -> list[int]:
    """Every process of the leader's session that still runs (one that nobody reaped does not)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] not in "ZX":
            found.append(int(stat.parent.name))
    return found


def child_of(supervisor: int, cluster: str) -> int:
    """The leader of one of its clusters."""
    for environ in Path("/proc").glob("[0-9]*/environ"):
        pid = int(environ.parent.name)
        try:
            parent = int((environ.parent / "stat").read_text().rsplit(")", 1)[1].split()[1])
            named = f"Q_CLUSTER_NAME={cluster}".encode() in environ.read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == supervisor and named:
            return pid
    raise AssertionError("the cluster is not running")


def wait_for(what, seconds=240.0):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := what():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def worker(for_children, monkeypatch):
    monkeypatch.setenv("PARALELO_TEST_WEDGED_AFTER", "20")
    started = subprocess.Popen(
        [sys.executable, "manage.py", "run_worker"], start_new_session=True, stderr=subprocess.PIPE
    )
    with started:  # closes its pipe
        yield started
        if started.poll() is None:
            started.kill()


@pytest.mark.any_database
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
def test_a_cluster_whose_processes_are_stopped_is_replaced_and_works_again(worker):
    rows = WorkerHeartbeat.objects.filter(cluster=NAME)
    first = wait_for(lambda: rows.filter(answered_at__isnull=False).first())
    leader = child_of(worker.pid, NAME)
    stopped = processes_of(leader)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    row = wait_for(lambda: rows.filter(restarts__gt=0).first())
    assert row.restart_reason == "it answered nothing for 20 s"
    wait_for(lambda: rows.filter(answered_at__gt=row.restarted_at).exists())
    wait_for(lambda: not set(stopped) & set(processes_of(leader)))
    assert rows.get().name == first.name
    clusters_now = [child_of(worker.pid, name) for name in queue.clusters()]
    worker.send_signal(signal.SIGTERM)
    _out, said = worker.communicate(timeout=60)
    assert b"it answered nothing for 20 s; restarting it" in said
    assert worker.returncode == 0
    # A signal that nothing survives was sent to what was left; the kernel needs a moment for it.
    wait_for(lambda: not [pid for leader in clusters_now for pid in processes_of(leader)], 30.0)
    assert not WorkerHeartbeat.objects.exists()
