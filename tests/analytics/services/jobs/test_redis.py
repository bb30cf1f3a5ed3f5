"""The queue in Redis: what is asked of it holds there too, and a worker that is killed with
messages that no list has any more loses no run."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from analytics import queue
from analytics.models import TrainingRun, WorkerHeartbeat
from analytics.pages.runs import worker as worker_shown
from analytics.services.jobs import clusters
from analytics.services.jobs.clusters import Cluster
from analytics.services.jobs.leftovers import messages_sweep
from analytics.services.jobs.training import TRAINING, training_request
from analytics.services.jobs.workers import jobs_ring_again
from analytics.services.metrics import ServerMetrics
from analytics.services.operations import operations_status
from analytics.services.status import worker_status
from p2p.queues import broker_settings, cluster_settings
from tests.redis_server import redis_server

from . import far

Status = TrainingRun.Status
NAME = cluster_settings(timeout=60, workers=1)["name"]


@pytest.fixture
def redis(tmp_path, settings, monkeypatch) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a Redis server that is the broker, of this process and its children."""
    from django_q.conf import Conf

    with redis_server(tmp_path) as (address, server):
        broker = broker_settings(address)
        monkeypatch.setattr(Conf, "ORM", None)
        monkeypatch.setattr(Conf, "REDIS", broker["redis"])
        monkeypatch.setenv("PARALELO_TEST_BROKER", address)
        others = {name: one for name, one in settings.Q_CLUSTER.items() if name != "orm"}
        settings.Q_CLUSTER = {**others, **broker}
        yield server


def away(server: subprocess.Popen[bytes]) -> None:
    server.kill()
    server.wait()


# ----------------------------------------------------------------------------------- the setting
def test_the_database_is_the_broker_unless_another_one_is_named():
    assert cluster_settings(timeout=60, workers=1)["orm"] == "default"
    named = cluster_settings(timeout=60, workers=1, broker="redis://:pass@host:6379/2")
    assert "orm" not in named
    assert named["redis"].startswith("redis://:pass@host:6379/2?socket_connect_timeout=3")


def test_what_the_address_says_of_patience_holds():
    address = broker_settings("unix:///run/redis.sock?db=1&socket_timeout=60")["redis"]
    assert "unix:///run/redis.sock?" in address
    assert "socket_timeout=60" in address
    assert "db=1" in address


@pytest.mark.parametrize(
    "address", ["redis", "amqp://:secret@host", "redis://", "redis://h:secret", "redis://h/?secret"]
)
def test_an_address_that_cannot_be_is_refused_and_not_repeated(address):
    with pytest.raises(ImproperlyConfigured, match=r"PARALELO_BROKER must be redis://") as refused:
        broker_settings(address)
    assert "secret" not in str(refused.value)


def test_without_its_package_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setattr("p2p.queues.find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"pip install -r requirements-redis\.txt"):
        broker_settings("redis://host")


# ----------------------------------------------------------------------------- what is asked of it
def test_messages_are_counted_listed_and_forgotten_by_cluster(db, redis, commits_at_once):
    assert queue.queue_lengths() == {NAME: 0, queue.LONG: 0}
    queue.enqueue("analytics.tasks.run_training", 7)
    queue.enqueue("analytics.tasks.run_training", 8)
    queue.enqueue("analytics.tasks.watch_markets")
    assert queue.queue_lengths() == {NAME: 1, queue.LONG: 2}
    assert queue.queue_length() == 3
    found = queue.messages()
    assert [message[1:] for message in found] == [
        ("analytics.tasks.watch_markets", ()),
        ("analytics.tasks.run_training", (7,)),
        ("analytics.tasks.run_training", (8,)),
    ]
    queue.forget([found[1][0]])
    assert [ids for _key, _path, ids in queue.messages()] == [(), (8,)]
    assert queue.move_long() == 0


def test_what_cannot_be_read_is_counted_and_left_alone(db, redis, commits_at_once):
    from django_q.brokers import get_broker

    for put in (b"\xff", b"no message", b"gAWVAAA:1:signed-by-nobody"):
        get_broker(queue.LONG).enqueue(put)
    queue.enqueue("analytics.tasks.run_training", 7)
    assert queue.queue_lengths()[queue.LONG] == 4
    assert [ids for _key, _path, ids in queue.messages()] == [(7,)]


@pytest.fixture
def run(redis, market, commits_at_once):
    return training_request(market=market, task="price", params={})


def pull() -> None:
    from django_q.brokers import get_broker

    assert get_broker(queue.LONG).dequeue()


def test_a_closed_run_leaves_no_message(run):
    assert messages_sweep() == 0
    TrainingRun.objects.update(status="failed")
    assert messages_sweep() == 1
    assert queue.messages() == []


def test_a_message_that_was_pulled_and_lost_is_rung_for_and_never_twice_at_once(run):
    soon = timezone.now() + dt.timedelta(seconds=1)
    assert jobs_ring_again(asked_before=soon) == 0
    pull()
    assert queue.queue_length() == 0
    assert jobs_ring_again(asked_before=soon - dt.timedelta(hours=1)) == 0, "it may be in hand"
    assert jobs_ring_again(asked_before=soon) == 1
    assert jobs_ring_again(asked_before=soon) == 0
    assert [message[1:] for message in queue.messages()] == [(TRAINING.task_path, (run.pk,))]


# --------------------------------------------------------------------------------------- it is away
def test_while_it_is_away_runs_are_taken_and_nothing_says_a_false_number(
    redis, market, commits_at_once, caplog
):
    away(redis)
    run = training_request(market=market, task="price", params={})
    assert run.status == Status.QUEUED
    assert "analytics.tasks.run_training" in caplog.text
    assert "was not queued, and is done later: the queue's broker is away" in caplog.text
    assert queue.queue_length() is None
    assert worker_shown(worker_status())["queue_length"] == "–"
    assert operations_status()["queue"][-1]["queued"] is None
    found = {metric.name: metric for metric in ServerMetrics().collect()}
    assert found["paralelo_queue_messages"].samples == []
    assert found["paralelo_database_up"].samples[0].value == 1
    assert found["paralelo_open_runs"].samples


def test_a_cluster_is_not_blamed_for_a_ping_that_its_broker_lost(
    redis, db, commits_at_once, monkeypatch
):
    class Process:
        pid = -1

        def poll(self) -> None:
            return None

    monkeypatch.setattr(clusters, "group_start", lambda *given, **how: Process())
    cluster = Cluster(queue.LONG, owner="here", is_busy=lambda: False)
    cluster.introduce()
    cluster.start()
    cluster.look()
    away(redis)
    assert cluster.pinged_at is not None
    cluster.pinged_at -= dt.timedelta(seconds=301)
    assert not cluster.look()
    assert cluster.pinged_at is None
    assert WorkerHeartbeat.objects.get().restarts == 0


# ----------------------------------------------------------------------------------- the real thing
@pytest.mark.any_database
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
@far.long_one
def test_a_worker_killed_in_the_middle_loses_no_run_and_does_none_twice(for_children, redis):
    # As a Redis that lost its memory too, or a worker that had pulled all of them.
    far.killed_in_the_middle(lambda: queue.forget([key for key, _path, _ids in queue.messages()]))


@pytest.mark.any_database
@far.long_one
def test_a_redis_that_was_away_is_recovered_from_without_hands(for_children, redis, tmp_path):
    port = int(redis.args[redis.args.index("--port") + 1])
    far.away_and_back(lambda: away(redis), redis_server(tmp_path, port))
