"""`collect_prices`, `setup_schedules`: one reading, a dry run, a process that is killed."""

from __future__ import annotations

import datetime as dt
import io
import json
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test.utils import override_settings
from django.utils import timezone
from django_q.models import Schedule

from analytics.checks import identity_key_is_long_enough
from analytics.models import Market, MarketSource, PriceHistory, StoredBook, VenueStatus
from analytics.services.collection import loop
from analytics.services.collection.loop import collect_until
from analytics.services.jobs.schedules import PERIODIC
from analytics.venues.adapters import yadio
from tests import factories
from tests.playing.server import PlayingServer
from tests.test_architecture import ROOT
from tests.venue_server import markets

pytestmark = pytest.mark.django_db


@pytest.fixture
def served(settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "ALLOW_PRIVATE_ADDRESSES": True}
    with PlayingServer(markets(speed=60)) as server:
        yield server


def run(*given: str) -> str:
    out = io.StringIO()
    call_command("collect_prices", *given, stdout=out)
    return out.getvalue()


def source_at(server: PlayingServer, venue: str = "yadio", **values) -> MarketSource:
    market = factories.make_market(f"USDT/VES@{venue}")
    return MarketSource.objects.create(
        market=market, venue=venue, options={"base_url": server.url}, **values
    )


def test_a_named_market_is_read_once_even_if_it_is_switched_off(served):
    source = source_at(served)
    assert "stored" in run("--market", source.market.symbol, "--once")
    assert PriceHistory.objects.get().market == source.market


def test_without_a_name_only_what_is_switched_on_is_read(served):
    source_at(served)
    assert "Nothing is due." in run("--once")
    assert served.requests == []
    MarketSource.objects.update(enabled=True)
    assert "USDT/VES@yadio stored" in run("--once")


def test_a_failed_reading_is_told_with_its_reason_and_an_exit_code(served):
    served.break_venue("yadio", "html")
    source = source_at(served)
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 readings failed"):
        call_command("collect_prices", "--market", str(source.market_id), "--once", stdout=out)
    assert "not_json: The venue did not answer with JSON." in out.getvalue()


def test_a_dry_run_of_a_market_that_is_not_there_makes_no_row(served, monkeypatch):
    monkeypatch.setattr(yadio, "URL", served.url)
    found = json.loads(run("--market", "USD/VES@yadio", "--dry-run"))
    assert found[0]["quote"]["price"] > 0
    assert not Market.objects.exists()
    assert not MarketSource.objects.exists()
    assert not PriceHistory.objects.exists()


def test_a_market_that_is_not_there_is_made_switched_off(served, monkeypatch):
    monkeypatch.setattr(yadio, "URL", served.url)
    run("--market", "USD/VES@yadio", "--once")
    source = MarketSource.objects.get()
    assert (source.market.symbol, source.enabled) == ("USD/VES@yadio", False)
    assert PriceHistory.objects.count() == 1


@pytest.mark.parametrize("given", [["--market", "USDT/VES@nowhere"], ["--market", "nonsense"]])
@pytest.mark.parametrize("how", ["--once", "--dry-run"])
def test_a_market_that_nobody_offers_is_refused(db, given, how):
    with pytest.raises(CommandError):
        run(*given, how)
    assert not MarketSource.objects.exists()


def test_the_loop_reads_whenever_something_is_due(served):
    source = source_at(served, enabled=True)
    # Less than a form would take, so that the test is short.
    MarketSource.objects.update(interval_seconds=1)
    stop, rounds = threading.Event(), []
    for found in collect_until(stop):
        rounds.append(found)
        if len(rounds) == 3:
            stop.set()
    assert [found.stored for found in rounds] == [1, 1, 1]
    assert PriceHistory.objects.filter(market=source.market).count() == 3


def test_the_loop_outlives_a_database_that_is_gone_for_a_while(served, monkeypatch, caplog):
    source_at(served, enabled=True)
    stop, honest, calls = threading.Event(), loop.collect_due, []

    def gone_once():
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("the database is starting up")
        return honest()

    monkeypatch.setattr(loop, "collect_due", gone_once)
    monkeypatch.setattr(loop, "LOOK_SECONDS", 0.1)
    # The test's own transaction lives in this connection.
    monkeypatch.setattr(loop.connection, "close", lambda: calls.append("closed"))
    assert next(collect_until(stop)).stored == 1
    assert calls == [1, "closed", 1]
    assert "starting up" in caplog.text


# ------------------------------------------------------------------------------------ killed
def counted(least: int) -> None:
    """Wait until so many quotes are stored."""
    until = time.monotonic() + 60
    while PriceHistory.objects.count() < least:
        assert time.monotonic() < until, "nothing was collected"
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_killed_loses_and_doubles_nothing(for_children, monkeypatch):
    """Two markets at one venue, read every second by a process that is killed twice."""
    monkeypatch.setenv("PARALELO_TEST_ALLOW_PRIVATE", "1")
    with PlayingServer(markets(speed=60)) as server:
        for fiat in ("VES", "BOB"):
            factories.make_source(
                factories.make_market(f"USDT/{fiat}@okx_p2p"),
                enabled=True,
                options={"base_url": server.url},
            )
        MarketSource.objects.update(interval_seconds=1)
        for turn in range(3):
            before = PriceHistory.objects.count()
            child = subprocess.Popen(
                [sys.executable, "manage.py", "collect_prices"], cwd=ROOT, stdout=subprocess.PIPE
            )
            try:
                counted(before + 2)
            finally:
                child.send_signal(signal.SIGKILL if turn < 2 else signal.SIGTERM)
                child.communicate(timeout=60)
            # What a lease of five minutes would do, without waiting for it.
            VenueStatus.objects.update(held_until=None)
        assert child.returncode == 0
    assert VenueStatus.objects.get().held_by == ""
    for source in MarketSource.objects.all():
        quotes = PriceHistory.objects.filter(market=source.market)
        books = StoredBook.objects.filter(market=source.market)
        assert quotes.count() == books.count() == source.readings > 0
        assert source.failures == 0


# --------------------------------------------------------------------------------- schedules
def test_schedules_are_made_once_and_what_people_change_stays(db):
    out = io.StringIO()
    call_command("setup_schedules", stdout=out)
    assert "collect prices" in out.getvalue()
    assert Schedule.objects.count() == len(PERIODIC)
    Schedule.objects.filter(name="watch markets").update(minutes=17, func="gone.away")
    call_command("setup_schedules", stdout=out)
    assert "All are there." in out.getvalue()
    assert Schedule.objects.count() == len(PERIODIC)
    changed = Schedule.objects.get(name="watch markets")
    assert (changed.minutes, changed.func) == (17, "analytics.tasks.watch_markets")


def test_schedules_that_two_workers_made_at_once_are_one_again(db):
    call_command("setup_schedules", stdout=io.StringIO())
    first = Schedule.objects.get(name="watch markets")
    Schedule.objects.create(name="watch markets", func=first.func)
    call_command("setup_schedules", stdout=io.StringIO())
    assert Schedule.objects.filter(name="watch markets").get() == first


def test_what_runs_once_a_day_does_not_begin_while_a_first_page_is_waited_for(db):
    call_command("setup_schedules", stdout=io.StringIO())
    soon = timezone.now() + dt.timedelta(minutes=30)
    waiting = set(Schedule.objects.filter(next_run__gt=soon).values_list("name", flat=True))
    assert {"back up", "purge models", "vacuum books", "judge models"} <= waiting
    assert not {"collect prices", "retrain models", "reap runs"} & waiting


def test_a_key_that_is_too_short_is_refused_at_start_up(settings):
    assert identity_key_is_long_enough() == []
    with override_settings(ANALYTICS={**settings.ANALYTICS, "IDENTITY_KEY": "short"}):
        assert [found.id for found in identity_key_is_long_enough()] == ["analytics.E005"]
