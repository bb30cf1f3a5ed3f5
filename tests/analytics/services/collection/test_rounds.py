"""Rounds of collecting: what is due is stored once, whatever venues, clocks and kills do."""

from __future__ import annotations

import datetime as dt
import socket
import subprocess
import sys

import pytest
from django.core.serializers import serialize

from analytics import events
from analytics.models import (
    CollectionFailure,
    MarketSource,
    PriceHistory,
    StoredBook,
    VenueStatus,
)
from analytics.services.alive import process_stat
from analytics.services.collection import keeping, rounds
from analytics.services.collection.books import book_read
from analytics.services.collection.wiring import identities
from analytics.venues.book import VenueQuote
from analytics.venues.errors import BadVenueConfig
from tests.analytics.venues.conftest import FACE, NOW, PLAYED
from tests.analytics.venues.test_faults import EXPECTED

from .conftest import minutes

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("venue", PLAYED)
def test_a_due_source_of_every_venue_leaves_a_quote(sourced, collect, venue):
    source = sourced(venue)
    assert collect().stored == 1
    quote = PriceHistory.objects.get()
    assert quote.market == source.market
    assert 0 < (quote.bid or quote.price) < (quote.ask or quote.price) * 2
    source.refresh_from_db()
    assert source.last_success_at is not None
    assert (source.readings, source.failures, source.last_error_code) == (1, 0, "")
    assert StoredBook.objects.filter(taken_at=quote.timestamp).exists() == (
        venue in ("binance_p2p", "binance_agent", "bybit_p2p", "okx_p2p")
    )


@pytest.mark.django_db(transaction=True)
def test_a_stored_quote_is_told_once_and_after_the_commit(sourced, collect):
    told = []
    source = sourced("okx_p2p")

    def hear(event):
        told.append((event.market_ids, PriceHistory.objects.count()))

    with events.subscribed(hear, events.QuotesStored):
        collect()
        collect()
    assert told == [((source.market_id,), 1)]


def test_what_is_switched_off_is_never_asked(sourced, collect, playing):
    sourced("okx_p2p", enabled=False)
    assert collect().done == {}
    assert playing.requests == []


def test_one_venues_failure_never_stops_another_and_has_a_reason(sourced, collect, playing):
    playing.break_venue("okx_p2p", "html")
    broken, well = sourced("okx_p2p"), sourced("bybit_p2p")
    found = collect()
    assert (found.stored, found.failed) == (1, {"not_json": 1})
    broken.refresh_from_db()
    assert (broken.failures, broken.last_error_code) == (1, "not_json")
    assert "JSON" in broken.last_error
    assert CollectionFailure.objects.get().count == 1
    assert PriceHistory.objects.get().market == well.market
    assert VenueStatus.objects.get(venue="okx_p2p").failures == 1


def test_a_failing_source_is_counted_by_reason_and_recovers(sourced, collect, playing, clock):
    source = sourced("yadio")
    for fault in ("html", "server_error", "html"):
        playing.break_venue("yadio", fault)
        collect()
        clock.now += minutes(10)
    assert dict(CollectionFailure.objects.values_list("code", "count")) == {
        "not_json": 2,
        "server_trouble": 1,
    }
    playing.heal()
    assert collect().stored == 1
    source.refresh_from_db()
    assert (source.failures, source.readings) == (0, 4)
    assert source.last_error_code == "not_json"


@pytest.mark.parametrize(
    ("fault", "code", "venue"),
    [(fault, code, venues[-1]) for fault, (code, venues) in EXPECTED.items()],
)
def test_no_fault_of_a_venue_leaves_a_quote(sourced, collect, playing, fault, code, venue):
    source = sourced(venue)
    playing.break_venue(FACE.get(venue, venue), fault)
    assert collect().failed == {code: 1}
    assert not PriceHistory.objects.exists()
    assert not StoredBook.objects.exists()
    assert source.reasons.get().code == code


def test_a_source_is_read_at_its_own_pace(sourced, collect, clock):
    source = sourced("yadio", interval_seconds=600)
    stored = []
    for _ in range(25):
        stored.append(collect().stored)
        clock.now += minutes(1)
    assert [i for i, count in enumerate(stored) if count] == [0, 10, 20]
    source.refresh_from_db()
    assert source.next_due_at - NOW == minutes(30)


def test_rounds_that_come_every_minute_or_so_keep_the_pace_of_a_minute(sourced, setting, clock):
    """As the schedule calls: now and then some seconds early or late, and never at the due time."""
    source = sourced("yadio", interval_seconds=60)
    for turn in range(12):
        clock.now = max(clock.now, NOW + minutes(turn) + dt.timedelta(seconds=(turn * 17) % 25))
        found = rounds.collect_due(setting=setting, ahead=dt.timedelta(seconds=30))
        assert found.stored == 1
    source.refresh_from_db()
    assert minutes(12) <= source.next_due_at - NOW < minutes(12.1)


def test_a_clock_that_is_set_back_stops_nothing(sourced, collect, clock, playing):
    """Due times, leases and pauses of a future that will not come for a year."""
    sourced("yadio")
    collect()
    VenueStatus.objects.update(
        held_by="gone", held_until=NOW + minutes(5), open_until=NOW + dt.timedelta(hours=5)
    )
    clock.now -= dt.timedelta(days=365)
    assert collect().stored == 1
    assert PriceHistory.objects.count() == 2


def test_a_clock_that_jumps_ahead_leaves_no_quote_of_the_future(sourced, collect, clock, playing):
    sourced("yadio")
    playing.break_venue("yadio", "clock_behind")
    clock.now += dt.timedelta(hours=2)
    assert collect().failed == {"clock_jump": 1}
    assert not PriceHistory.objects.exists()


# ------------------------------------------------------------------------- one process at a time
def test_a_venue_that_another_process_reads_is_left_to_it(sourced, collect, clock, playing):
    source = sourced("yadio")
    assert keeping.venue_hold("yadio", by="another", now=clock())
    assert collect().skipped == [source.market.symbol]
    assert playing.requests == []
    clock.now += keeping.LEASE
    assert collect().stored == 1


def test_the_lease_of_a_process_that_was_killed_is_over_at_once(sourced, collect, clock):
    """Here; of another machine nobody knows whether its process lives."""
    sourced("yadio")
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    child.stdout.readline()
    birth = process_stat(child.pid)[19]
    here = f"{socket.gethostname()[:60]}-{child.pid}-{birth}/round"
    assert keeping.venue_hold("yadio", by=here, now=clock())
    assert collect().skipped
    child.kill()
    child.communicate()
    assert collect().stored == 1
    elsewhere = f"elsewhere-{child.pid}-{birth}/round"
    assert keeping.venue_hold("yadio", by=elsewhere, now=clock())
    assert not keeping.venue_hold("yadio", by=keeping.holder(), now=clock())


def test_who_lost_the_venue_meanwhile_stores_nothing(sourced, collect, clock, setting, monkeypatch):
    """A process sleeps for ten minutes between reading and storing; another one took over."""
    sourced("yadio")
    kept = keeping.reading_keep

    def late(reading, *, by, now):
        clock.now += minutes(10)
        assert rounds.collect_due(setting=setting).stored == 1
        return kept(reading, by=by, now=clock())

    with monkeypatch.context() as patched:
        patched.setattr(rounds, "reading_keep", lambda *a, **k: (patched.undo(), late(*a, **k))[1])
        found = collect()
    assert (found.stored, len(found.skipped)) == (0, 1)
    assert PriceHistory.objects.count() == 1


class Killed(BaseException):
    """The end of the process, wherever it is."""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (rounds, "collect_all"),
        (rounds, "reading_keep"),
        (keeping, "quote_add"),
        (keeping, "pack_book"),
        (keeping, "book_keep"),
        (keeping, "_plan"),
    ],
)
def test_killed_anywhere_nothing_is_lost_or_doubled(
    sourced, collect, clock, monkeypatch, module, name
):
    source = sourced("okx_p2p")
    work = getattr(module, name)

    def killed(*given, **more):
        if name in ("quote_add", "book_keep", "_plan"):
            work(*given, **more)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module, name, killed)
        # A process that is killed gives nothing back.
        patched.setattr(rounds, "venues_release", lambda *, by: None)
        with pytest.raises(Killed):
            collect()
    assert not PriceHistory.objects.exists()
    assert not StoredBook.objects.exists()
    source.refresh_from_db()
    assert source.next_due_at is None
    clock.now += keeping.LEASE
    assert collect().stored == 1
    assert (PriceHistory.objects.count(), StoredBook.objects.count()) == (1, 1)


def test_killed_after_the_commit_the_reading_is_not_made_again(sourced, collect, monkeypatch):
    sourced("okx_p2p")
    kept = rounds.reading_keep

    def killed(*given, **more):
        kept(*given, **more)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(rounds, "reading_keep", killed)
        with pytest.raises(Killed):
            collect()
    assert collect().done == {}
    assert PriceHistory.objects.count() == 1


def test_a_fault_of_the_database_leaves_the_source_due_and_the_others_go_on(
    sourced, collect, monkeypatch, caplog
):
    broken, well = sourced("okx_p2p"), sourced("yadio")
    store = keeping.quote_add

    def failing(*, market, **quote):
        if market == broken.market:
            raise RuntimeError("disk full")
        return store(market=market, **quote)

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "quote_add", failing)
        found = collect()
    assert found.failed == {"not_stored": 1}
    assert PriceHistory.objects.get().market == well.market
    assert "disk full" in caplog.text
    assert collect().stored == 1


def test_a_source_that_is_deleted_while_it_is_read_leaves_nothing(sourced, collect, monkeypatch):
    source = sourced("yadio")
    kept = rounds.reading_keep

    def deleted(*given, **more):
        source.delete()
        return kept(*given, **more)

    monkeypatch.setattr(rounds, "reading_keep", deleted)
    assert collect().skipped == [source.market.symbol]
    assert not PriceHistory.objects.exists()


def test_a_source_that_moves_to_another_venue_meanwhile_keeps_nothing_of_the_old_one(
    sourced, collect, monkeypatch
):
    source = sourced("yadio")
    kept = rounds.reading_keep

    def moved(*given, **more):
        MarketSource.objects.update(venue="okx_p2p")
        return kept(*given, **more)

    monkeypatch.setattr(rounds, "reading_keep", moved)
    assert collect().skipped == [source.market.symbol]
    assert not PriceHistory.objects.exists()


def test_options_that_cannot_be_used_any_more_are_a_failure_with_a_reason(
    sourced, collect, playing
):
    source = sourced("yadio", options={"from_an_older_version": 1})
    gone = sourced("okx_p2p")
    MarketSource.objects.filter(pk=gone.pk).update(venue="closed_down")
    assert collect().failed == {"bad_venue_config": 1, "unknown_venue": 1}
    assert "from_an_older_version" in source.reasons.get().fields
    assert playing.requests == []


def test_figures_that_fit_no_column_are_a_failure_and_no_quote(sourced, collect, monkeypatch):
    source = sourced("yadio")
    honest = VenueQuote.figures
    monkeypatch.setattr(VenueQuote, "figures", lambda self: {**honest(self), "ask": 10**20})
    assert collect().failed == {"nonsense_price": 1}
    assert source.reasons.get().fields == {"ask": "must lie between 1e-12 and 1e+12"}
    assert not PriceHistory.objects.exists()


def test_books_are_kept_for_as_many_days_as_the_source_says(sourced, collect, clock):
    sourced("okx_p2p", interval_seconds=6 * 3600, keep_book_days=1)
    for _ in range(8):
        collect()
        clock.now += dt.timedelta(hours=6)
    taken = list(StoredBook.objects.values_list("taken_at", flat=True))
    assert len(taken) == 4
    assert max(taken) - min(taken) <= dt.timedelta(days=1, minutes=1)
    assert PriceHistory.objects.count() == 8


def test_no_person_is_stored(sourced, collect, playing):
    for venue in PLAYED:
        sourced(venue)
    playing.break_venue("criptoya", "text_price")
    assert collect().stored == len(PLAYED) - 1
    text = "".join(
        serialize("json", model.objects.all())
        for model in (PriceHistory, MarketSource, CollectionFailure, VenueStatus)
    )
    books = [repr(book_read(row)) for row in StoredBook.objects.all()]
    assert len(books) == 4
    assert "Invented" not in text + "".join(books)
    hashes = {ad.advertiser_hash for ad in book_read(StoredBook.objects.first()).asks}
    assert len(hashes) > 10


def test_the_key_of_identities_is_the_installations_own(settings):
    first = identities().advertiser("x", "ana")
    settings.SECRET_KEY = "another secret of this test, long enough"
    second = identities().advertiser("x", "ana")
    settings.ANALYTICS = {**settings.ANALYTICS, "IDENTITY_KEY": "sixteen bytes it"}
    third = identities().advertiser("x", "ana")
    assert len({first, second, third}) == 3
    settings.ANALYTICS = {**settings.ANALYTICS, "IDENTITY_KEY": "short"}
    with pytest.raises(BadVenueConfig):
        identities()


# --------------------------------------------------------------------------------------- dry run
def test_a_dry_run_shows_what_would_be_stored_and_stores_nothing(sourced, setting):
    source = sourced("okx_p2p", enabled=False)
    found = rounds.source_try(source=source, setting=setting)
    assert found["quote"]["bid"] < found["quote"]["ask"]
    assert found["ads"] == {"ask": 45, "bid": 45}
    assert 0 < found["concentration"]["ask"] < 1
    assert len(found["depth"]["bid"]) == 5
    assert found["requests"] == 2
    assert not PriceHistory.objects.exists()
    assert not StoredBook.objects.exists()
    source.refresh_from_db()
    assert (source.readings, source.last_attempt_at) == (0, None)
    status = VenueStatus.objects.get()
    assert status.next_at is not None
    assert (status.held_by, status.held_until) == ("", None)
