"""The pages of collecting and of the server: what they tell, and who may switch."""

from __future__ import annotations

import html

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from analytics.conf import conf
from analytics.desk import collection
from analytics.exceptions import Conflict
from analytics.models import MarketSource
from analytics.services import operations
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


@pytest.fixture
def source():
    market = factories.make_market("USDT/BOB@okx_p2p")
    fields = {"last_error_code": "not_json", "last_error_at": timezone.now(), "failures": 2}
    return factories.make_source(market, enabled=True, **fields)


def text(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_without_a_source_the_next_step_is_said(reader):
    assert "collect_prices USDT/BOB@binance_p2p" in text(reader, "/collection/")


def test_a_source_tells_its_state_and_why_it_fails(reader, source):
    page = text(reader, "/collection/")
    for words in ("failing", "2 readings in a row", "The venue did not answer with JSON.", "× 1"):
        assert words in page
    assert "not_json" not in page
    assert "Switch off" not in page
    MarketSource.objects.update(failures=0, last_success_at=timezone.now())
    assert "collecting" in text(reader, "/collection/")


def test_staff_switch_a_source_off_and_on(admin_client, source):
    address = f"/collection/{source.pk}/"
    for wanted, enabled in (("off", False), ("nonsense", False), ("on", True)):
        assert admin_client.post(address, {"do": wanted}).url == "/collection/"
        source.refresh_from_db()
        assert source.enabled is enabled
    assert admin_client.post("/collection/999/", {"do": "on"}).status_code == 404


def test_readers_may_not_switch(reader, source):
    assert reader.post(f"/collection/{source.pk}/", {"do": "off"}).status_code == 403
    source.refresh_from_db()
    assert source.enabled


def test_a_dry_run_shows_what_would_be_stored(admin_client, source, monkeypatch):
    found = {
        "market": source.market.symbol,
        "requests": 3,
        "timestamp": timezone.now(),
        "quote": {"bid": 9.5, "ask": 9.625},
        "ads": {"ask": 12, "bid": 7},
    }
    monkeypatch.setattr(collection, "source_try", lambda *, source: found)
    page = admin_client.post(f"/collection/{source.pk}/", {"do": "try"}).content.decode()
    for words in ("nothing was stored", "9.625", "12, 7"):
        assert words in page


def test_a_dry_run_that_fails_says_why(admin_client, source, monkeypatch):
    def refuse(*, source):
        raise Conflict("The venue is being read.", "venue_busy")

    monkeypatch.setattr(collection, "source_try", refuse)
    answer = admin_client.post(f"/collection/{source.pk}/", {"do": "try"}, follow=True)
    assert "The venue is being read." in answer.content.decode()


def test_the_server_tells_version_disk_queue_and_that_there_is_no_backup(reader, home):
    conf().logs.mkdir(parents=True)
    (conf().logs / "run-1.log").write_bytes(b"x" * 3000)
    market = factories.make_market()
    factories.make_run(market, "price")
    factories.make_run(market, "spread", "failed", error_message="too few rows")
    page = text(reader, "/operations/")
    for words in ("Last backup", "never", "too few rows", "queued", "1.0.0"):
        assert words in page
    status = operations.operations_status()
    assert ("logs", 3000) in status["disk"]["parts"]
    assert status["disk"]["database"] > 10_000
    assert status["queue"][0] == {"kind": "training", "queued": 1, "running": 0}


def test_a_backup_is_told_by_who_makes_them(reader, monkeypatch):
    made = {"made_at": "2026-03-01T04:00:00+00:00"}
    monkeypatch.setattr(operations, "import_string", lambda path: lambda: made)
    assert "2026-03-01 04:00 UTC" in text(reader, "/operations/")


def test_a_run_links_its_log_where_one_is_kept_and_only_operators_read_it(reader, admin_client):
    conf().logs.mkdir(parents=True)
    market = factories.make_market()
    run, other = (factories.make_run(market, task, "failed") for task in ("price", "spread"))
    long = "a" * operations.LOG_BYTES + "the end <b>"
    (conf().logs / f"run-{run.pk}.log").write_text(long)
    (conf().logs / "run-notes.log").write_text("of nobody")
    address = f"/operations/training/{run.pk}/log/"
    page = text(admin_client, "/operations/")
    assert address in page
    assert f"/operations/training/{other.pk}/log/" not in page
    assert address not in text(reader, "/operations/")
    answer = admin_client.get(address)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.content.decode().endswith("the end <b>")
    assert len(answer.content) == operations.LOG_BYTES
    assert reader.get(address).status_code == 403


@pytest.mark.parametrize("address", ["training/999", "nonsense/1", "backtest/1"])
def test_a_log_that_is_not_there_is_not_found(admin_client, address):
    assert admin_client.get(f"/operations/{address}/log/").status_code == 404
