"""What Prometheus reads: the figures, who may read them, and what a scrape costs."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.authtoken.models import Token

from analytics import queue
from analytics.conf import conf
from analytics.models import WorkerHeartbeat
from analytics.services import metrics as services
from p2p.metrics import REQUESTS
from tests import factories

pytestmark = pytest.mark.django_db
ELSEWHERE = "203.0.113.9"


@pytest.fixture(autouse=True)
def nothing_answered_yet():
    """A process that ran the whole suite has timed every view: seconds to read."""
    REQUESTS.clear()


def scraped(client, **extra):
    """{(name, labels): value} of a scrape from this machine."""
    answer = client.get("/metrics", **extra)
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_the_figures_are_those_of_the_database(client, home):
    now = timezone.now()
    market = factories.make_market("USDT/BOB@okx_p2p")
    factories.make_quotes(market, 3, end=now - dt.timedelta(hours=3))
    factories.make_source(market)
    for status, code in (("queued", ""), ("failed", "out_of_memory"), ("failed", "timeout")):
        factories.make_run(market, status=status, error_code=code)
    WorkerHeartbeat.objects.create(
        name="a long", cluster=queue.LONG, pid=1, started_at=now, seen_at=now, restarts=2
    )
    conf().artifacts.mkdir(parents=True)
    (conf().artifacts / "weights").write_bytes(b"x" * 1234)
    conf().backups.mkdir()
    made = now - dt.timedelta(days=2)
    (conf().backups / f"{made:paralelo-%Y%m%d-%H%M%S.zip}").write_bytes(b"x")
    found = scraped(client)
    assert found["paralelo_database_up", ()] == 1
    assert found["paralelo_queue_messages", (("cluster", "long"),)] == 0
    training = ("kind", "training")
    assert found["paralelo_open_runs", (training, ("state", "queued"))] == 1
    assert found["paralelo_open_runs", (training, ("state", "running"))] == 0
    failed = (("error", "out_of_memory"), training, ("outcome", "failed"))
    assert found["paralelo_runs_total", failed] == 1
    symbol = (("market", "USDT/BOB@okx_p2p"),)
    assert found["paralelo_quote_age_seconds", symbol] == pytest.approx(3 * 3600, abs=60)
    assert found["paralelo_market_stale", symbol] == 1
    assert found["paralelo_worker_up", (("cluster", "long"),)] == 1
    assert found["paralelo_worker_up", (("cluster", "paralelo"),)] == 0
    assert found["paralelo_worker_restarts_total", (("cluster", "long"),)] == 2
    errors = (("code", "not_json"), ("venue", "okx_p2p"))
    assert found["paralelo_collection_errors_total", errors] == 1
    assert found["paralelo_backup_age_seconds", ()] == pytest.approx(2 * 86400, abs=60)
    assert found["paralelo_artifact_bytes", ()] == 1234
    assert found["paralelo_disk_free_bytes", ()] > 0


def test_messages_are_counted_by_cluster(client, commits_at_once):
    queue.enqueue("analytics.tasks.run_training", 1)
    queue.enqueue("analytics.tasks.run_training", 2)
    queue.enqueue("analytics.tasks.watch_markets")
    found = scraped(client)
    assert found["paralelo_queue_messages", (("cluster", "long"),)] == 2
    assert found["paralelo_queue_messages", (("cluster", "paralelo"),)] == 1


def test_a_worker_that_is_silent_is_down(client):
    now = timezone.now()
    long_ago = now - dt.timedelta(seconds=services.MISSED * conf().HEARTBEAT_SECONDS + 30)
    WorkerHeartbeat.objects.create(
        name="a long", cluster=queue.LONG, pid=1, started_at=long_ago, seen_at=long_ago
    )
    assert scraped(client)["paralelo_worker_up", (("cluster", "long"),)] == 0


def test_a_scrape_asks_as_much_of_many_markets_as_of_one(client):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as asked:
            scraped(client)
        return len(asked)

    factories.make_quotes(factories.make_market("USDT/BOB@a"), 2)
    client.get("/metrics")
    one = queries()
    for number in range(12):
        market = factories.make_market(f"USDT/BOB@m{number}")
        factories.make_quotes(market, 2)
        factories.make_source(market)
        factories.make_run(market, task="price", status="failed", error_code=f"e{number}")
    assert queries() == one <= 10


def test_a_database_that_is_away_is_told_and_the_rest_still_answers(client, monkeypatch):
    def away():
        raise DatabaseError("gone")

    monkeypatch.setattr(services, "market_list", away)
    found = scraped(client)
    assert found["paralelo_database_up", ()] == 0
    assert ("paralelo_artifact_bytes", ()) in found
    assert not any(name == "paralelo_queue_messages" for name, _labels in found)


class TestWhoMayRead:
    @pytest.fixture(autouse=True)
    def production(self, settings):
        settings.DEBUG = False
        settings.ALLOWED_HOSTS = ["testserver"]

    def test_this_machine_needs_no_credentials(self, client):
        assert client.get("/metrics").status_code == 200

    @pytest.mark.parametrize("extra", [{"REMOTE_ADDR": ELSEWHERE}, {"HTTP_X_REAL_IP": ELSEWHERE}])
    def test_others_need_a_token(self, client, extra):
        refused = client.get("/metrics", **extra)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Token"
        wrong = client.get("/metrics", HTTP_AUTHORIZATION="Token nonsense", **extra)
        assert wrong.status_code == 401
        token = Token.objects.create(user=get_user_model().objects.create_user("prometheus"))
        sent = {"HTTP_AUTHORIZATION": f"Token {token.key}", **extra}
        assert client.get("/metrics", **sent).status_code == 200

    def test_behind_a_proxy_an_address_proves_nothing(self, client, settings):
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        assert client.get("/metrics").status_code == 401


def test_a_request_is_timed_under_its_view_and_status(client):
    def counted(*labels):
        return REQUESTS.labels(*labels)._sum.get()

    before = counted("analytics:readyz", "GET", "200")
    client.get("/readyz")
    assert counted("analytics:readyz", "GET", "200") > before
    name = (
        "paralelo_request_seconds_count",
        (("method", "GET"), ("status", "200"), ("view", "analytics:readyz")),
    )
    assert scraped(client)[name] >= 1


def test_addresses_and_methods_that_are_made_up_share_a_line(client):
    for number in range(3):
        client.get(f"/nowhere/{number}")
        client.generic(f"MADE{number}", "/healthz")
    found = scraped(client)
    views = {dict(labels)["view"] for name, labels in found if "request_seconds" in name}
    methods = {dict(labels)["method"] for name, labels in found if "request_seconds" in name}
    assert "none" in views
    assert not any("nowhere" in view for view in views)
    assert "other" in methods
    assert not any("MADE" in method for method in methods)
