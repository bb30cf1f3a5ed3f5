"""The queue in SQS, which nobody can look into: what asks for its messages elsewhere is answered by
their number, so that nothing is lost and ringing again and again fills no queue."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from queue import Queue

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from analytics import checks, events, queue
from analytics.models import TrainingRun, WorkerHeartbeat
from analytics.pages.runs import worker as worker_shown
from analytics.queue import sqs
from analytics.queue.sqs_queue import WAIT, SqsQueue
from analytics.services.flow import FLOW_TASK, quotes_flow_on
from analytics.services.jobs import workers
from analytics.services.jobs.clusters import PING_TASK
from analytics.services.jobs.leftovers import DECIDE_TASK, messages_sweep
from analytics.services.jobs.training import TRAINING, training_request
from analytics.services.jobs.workers import WorkerSupervisor, job_launch, jobs_ring_again
from analytics.services.metrics import ServerMetrics
from analytics.services.status import worker_status
from p2p.queues import broker_settings, cluster_settings
from tests import factories
from tests.s3_server import KEYS, REGION, moto_client, moto_server

from . import far
from .test_clusters import wait_for
from .test_leftovers import undecided

pytestmark = pytest.mark.any_database
Status = TrainingRun.Status
NAME = cluster_settings(timeout=60, workers=1)["name"]
_PREFIXES = (f"test-{number}" for number in count())


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as (address, _process):
        yield address
    forget_connections()


def broker(address: str, settings, monkeypatch) -> str:
    """SQS at that address is the broker, of this process and its children; the queues' prefix."""
    from django_q.conf import Conf

    prefix = next(_PREFIXES)
    named = f"sqs://{REGION}/{prefix}"
    found = broker_settings(named)
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(Conf, "BROKER_CLASS", found["broker_class"])
    for name, value in (KEYS | {"AWS_ENDPOINT_URL_SQS": address}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PARALELO_TEST_BROKER", named)
    others = {name: one for name, one in settings.Q_CLUSTER.items() if name != "orm"}
    settings.Q_CLUSTER = {**others, **found}
    return prefix


def forget_connections() -> None:
    """Whoever asks next finds address and keys anew."""
    sqs._url.cache_clear()
    sqs._client.cache_clear()


@pytest.fixture
def prefix(server, settings, monkeypatch) -> str:
    return broker(server, settings, monkeypatch)


@pytest.fixture
def other(settings, monkeypatch) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a server of its own, to be killed, which is the broker."""
    forget_connections()
    with moto_server() as (address, process):
        broker(address, settings, monkeypatch)
        yield process
    forget_connections()


def away(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def back(process: subprocess.Popen[bytes]) -> AbstractContextManager[object]:
    """At the same address, and empty."""
    return moto_server(int(process.args[-1]))


# ----------------------------------------------------------------------------------- the setting
def test_an_address_names_the_region_and_what_the_queues_begin_with():
    named = cluster_settings(timeout=60, workers=1, broker="sqs://eu-west-1")
    assert "orm" not in named
    assert named["sqs"] == {"region": "eu-west-1", "prefix": "paralelo"}
    shop = broker_settings("sqs://us-gov-west-1/My_shop-2")["sqs"]
    assert shop == {"region": "us-gov-west-1", "prefix": "My_shop-2"}


@pytest.mark.parametrize(
    "address",
    [
        *(
            "sqs:",
            "sqs://",
            "sqs:///secret",
            "sqs://secret:key@eu-west-1",
            "sqs://eu-west-1?secret=1",
        ),
        *("sqs://sqs.eu-west-1.amazonaws.com/1/secret", "sqs://https://secret", "sqs://[secret"),
        *(
            "sqs://eu-west-1/se.cret",
            "sqs://eu-west-1/a/secret",
            f"sqs://eu-west-1/{'secret' * 11}",
        ),
    ],
)
def test_an_address_that_cannot_be_is_refused_and_not_repeated(address):
    with pytest.raises(ImproperlyConfigured, match=r"must be sqs://REGION") as refused:
        broker_settings(address)
    assert "secret" not in str(refused.value)


def test_without_its_package_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setattr("p2p.queues.find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"pip install -r requirements-sqs\.txt"):
        broker_settings("sqs://eu-west-1")


@pytest.mark.parametrize(("places", "most"), [(1, 14_200), (2, 21_300), (8, 21_300)])
def test_a_lease_longer_than_sqs_gives_is_refused_with_the_longest_training(settings, places, most):
    def found(timeout: int) -> list[str]:
        asked = {"timeout": timeout, "workers": places}
        settings.Q_CLUSTER = cluster_settings(**asked, broker="sqs://eu-west-1")
        return [f"{one.id} {one.hint}" for one in checks.queue_is_safe()]

    assert found(most) == []
    assert found(most + 1) == found(7 * 86400)
    assert found(most + 1)[0].startswith(
        f"analytics.E007 Set PARALELO_TRAIN_TIMEOUT to at most {most},"
    )


# ----------------------------------------------------------------------------- what is asked of it
def test_messages_are_counted_by_cluster_and_shown_by_none(db, prefix, server, commits_at_once):
    assert queue.queue_lengths() == {NAME: 0, queue.LONG: 0}
    queue.enqueue("analytics.tasks.run_training", 7)
    queue.enqueue("analytics.tasks.run_training", 8)
    queue.enqueue("analytics.tasks.watch_markets")
    assert queue.queue_lengths() == {NAME: 1, queue.LONG: 2}
    assert queue.queue_length() == 3
    assert worker_shown(worker_status())["queue_length"] == 3
    assert queue.messages() == []
    assert queue.move_long() == 0
    urls = moto_client("sqs", server).list_queues(QueueNamePrefix=f"{prefix}-")["QueueUrls"]
    assert {url.rsplit("/", 1)[1] for url in urls} == {f"{prefix}-{NAME}", f"{prefix}-{queue.LONG}"}


def test_what_was_not_done_comes_back_when_its_lease_is_over(prefix, monkeypatch):
    from django_q.conf import Conf

    # The lease of the cluster that was killed with it in its hands.
    monkeypatch.setattr(Conf, "RETRY", 3)
    there = SqsQueue(queue.LONG)
    there.enqueue("a message")
    [(receipt, body)] = there.dequeue()
    assert (there.queue_size(), there.lock_size()) == (0, 1)
    [(again, same)] = wait_for(there.dequeue, seconds=20)
    assert (body, same) == ("a message", "a message")
    assert again != receipt
    there.acknowledge(again)
    there.acknowledge(again)  # django-q2 does so twice
    assert (there.queue_size(), there.lock_size()) == (0, 0)


def test_what_nobody_can_read_is_taken_out_and_the_next_message_is_pulled(prefix, commits_at_once):
    from django_q.pusher import pusher

    SqsQueue(queue.LONG).enqueue("gAWVAAA:1:signed-by-nobody")
    queue.enqueue("analytics.tasks.run_training", 7)
    ended, hands = threading.Event(), Queue()
    ended.set()  # a look at the broker, no more
    for _message in range(2):
        pusher(hands, ended, SqsQueue(queue.LONG))
    assert hands.get_nowait()["args"] == (7,)
    assert hands.empty()
    assert SqsQueue(queue.LONG).lock_size() == 1


def test_a_queue_that_somebody_removed_is_made_anew(db, prefix, server, commits_at_once, caplog):
    queue.enqueue("analytics.tasks.run_training", 7)
    url = sqs._url(REGION, f"{prefix}-{queue.LONG}")
    moto_client("sqs", server).delete_queue(QueueUrl=url)
    assert queue.queue_length() == 0
    queue.enqueue("analytics.tasks.run_training", 7)
    assert queue.queue_length() == 1
    assert caplog.text.count("was not queued") == 0


def test_a_forked_process_speaks_on_a_connection_of_its_own(prefix):
    assert queue.queue_length() == 0
    mine = sqs._client(REGION, os.getpid())
    assert sqs._client(REGION, os.getpid()) is mine
    child = os.fork()
    if not child:
        os._exit(sqs._client(REGION, os.getpid()) is mine)
    assert os.waitpid(child, 0)[1] == 0


# ----------------------------------------------------------------------------------- ringing again
@pytest.fixture
def run(prefix, market, commits_at_once):
    return training_request(market=market, task="price", params={})


def soon() -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=1)


def pull() -> None:
    assert SqsQueue(queue.LONG).dequeue()


def test_a_message_that_was_pulled_and_lost_is_rung_for_and_never_fills_the_queue(run):
    assert jobs_ring_again(asked_before=soon()) == 0
    pull()
    assert queue.queue_length() == 0
    assert jobs_ring_again(asked_before=timezone.now() - dt.timedelta(hours=1)) == 0, "in hand"
    assert jobs_ring_again(asked_before=soon()) == 1
    assert [jobs_ring_again(asked_before=soon()) for _look in range(5)] == [0] * 5
    assert queue.queue_length() == 1
    from django_q.signing import SignedPackage

    [(_receipt, body)] = SqsQueue(queue.LONG).dequeue()
    task = SignedPackage.loads(body)
    assert (task["func"], task["args"]) == (TRAINING.task_path, (run.pk,))


def test_rings_stay_within_the_runs_however_many_wait(prefix, commits_at_once):
    path = TRAINING.task_path
    calls = [(path, number) for number in range(6)]
    for call in calls[:2]:
        queue.enqueue(*call)
    assert queue.untold(calls) == calls, "of six at most two have a message"
    queue.enqueue(*calls[2])
    assert queue.untold(calls) == []
    assert queue.untold(calls[:1]) == []


def test_a_worker_that_starts_again_and_again_rings_for_no_more_than_twice_the_runs(run):
    rung = [jobs_ring_again() for _start in range(10)]
    assert rung == [1] + [0] * 9
    assert queue.queue_length() == 2


def test_the_message_of_a_closed_run_stays_and_does_nothing(run, monkeypatch):
    TrainingRun.objects.update(status=Status.CANCELLED)
    assert messages_sweep() == 0
    assert queue.queue_length() == 1
    assert jobs_ring_again(asked_before=soon()) == 0
    monkeypatch.setattr(workers, "child_run", lambda *_given, **_how: pytest.fail("it was begun"))
    job_launch(TRAINING, run_id=run.pk)


def test_quotes_call_the_worker_and_a_crowd_of_calls_is_enough(db, prefix, commits_at_once):
    market = factories.make_market()
    factories.make_model(market, "price")
    assert not queue.is_told(FLOW_TASK)
    for _quote in range(25):
        quotes_flow_on(events.QuotesStored(market_ids=(market.pk,)))
    assert queue.queue_lengths() == {NAME: 10, queue.LONG: 0}


def test_a_beat_finds_nothing_to_complain_of_and_rings_for_what_is_undecided(
    db, prefix, commits_at_once, caplog
):
    undecided(factories.make_market())
    supervisor = WorkerSupervisor(threading.Event(), name="here")
    supervisor.beat()
    supervisor.beat()
    assert not [one for one in caplog.records if one.levelname == "ERROR"]
    assert queue.queue_lengths() == {NAME: 1, queue.LONG: 0}
    assert not queue.is_told(DECIDE_TASK), "one is no crowd: it is the supervisor that waits"


# --------------------------------------------------------------------------------------- it is away
def test_while_it_is_away_runs_are_taken_and_when_it_is_back_they_are_rung_for(
    other, market, commits_at_once, caplog
):
    assert queue.queue_length() == 0
    away(other)
    run = training_request(market=market, task="price", params={})
    assert run.status == Status.QUEUED
    assert "was not queued, and is done later: the queue's broker is away (Endp" in caplog.text
    assert queue.queue_length() is None
    assert worker_shown(worker_status())["queue_length"] == "–"
    found = {metric.name: metric for metric in ServerMetrics().collect()}
    assert found["paralelo_queue_messages"].samples == []
    assert found["paralelo_open_runs"].samples
    assert jobs_ring_again() == 0, "a worker starts all the same"
    SqsQueue(queue.LONG).acknowledge("receipt")
    assert "a message comes back in" in caplog.text
    with back(other):
        assert jobs_ring_again(asked_before=soon()) == 1
        assert queue.queue_lengths() == {NAME: 0, queue.LONG: 1}


def test_without_keys_it_is_away_and_later_keys_are_found(
    db, prefix, commits_at_once, caplog, monkeypatch, tmp_path
):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in KEYS:
        monkeypatch.delenv(name)
    forget_connections()
    queue.enqueue("analytics.tasks.run_training", 7)
    assert "NoCredentialsError: Unable to locate credentials" in caplog.text
    assert queue.queue_length() is None
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    assert queue.queue_length() == 0


# ----------------------------------------------------------------------------------- the real thing
def test_a_cluster_answers_through_it_and_stops_within_its_wait(for_children, prefix):
    row = WorkerHeartbeat.objects.create(
        name="here", pid=1, cluster=NAME, started_at=timezone.now(), seen_at=timezone.now()
    )
    queue.enqueue_for(NAME, PING_TASK, row.name)
    cluster = subprocess.Popen([sys.executable, "manage.py", "qcluster"], start_new_session=True)
    try:
        wait_for(lambda: WorkerHeartbeat.objects.filter(answered_at__isnull=False).exists())
        there = SqsQueue(NAME)
        wait_for(lambda: there.lock_size() == 0 and there.queue_size() == 0, seconds=20)
        begun = time.monotonic()
        cluster.send_signal(signal.SIGTERM)  # to its leader alone: who pulls ends its wait
        cluster.wait(timeout=60)
        assert time.monotonic() - begun < WAIT + 5
    finally:
        if cluster.poll() is None:
            os.killpg(cluster.pid, signal.SIGKILL)
            cluster.wait()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
@far.long_one
def test_a_worker_killed_in_the_middle_loses_no_run_and_does_none_twice(for_children, prefix):
    far.killed_in_the_middle()


@far.long_one
def test_an_sqs_that_was_away_is_recovered_from_without_hands(for_children, other):
    far.away_and_back(lambda: away(other), back(other))
