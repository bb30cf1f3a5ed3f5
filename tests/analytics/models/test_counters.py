"""Every write of quotes moves the counters of their market, and only what is no pure addition at
the end moves `rewrites`."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib import admin
from django.db import connection, connections, transaction

from analytics.models import Market, PriceHistory
from analytics.selectors.prices import Counters, market_counters
from analytics.services.prices.posting import price_bulk_add
from analytics.services.prices.simulation import price_simulate
from tests import factories

ROOT = Path(__file__).resolve().parents[3]
NOW = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)
STEP = dt.timedelta(minutes=30)


@pytest.fixture
def market(db) -> Market:
    made = factories.make_market()
    factories.make_quotes(made, 5, end=NOW)
    return made


@pytest.fixture
def moved(market) -> Callable[[Callable[[], object]], tuple[int, int]]:
    """How far a write moves (revision, rewrites); no write moves those of another market."""
    other = factories.make_market("USDT/VES@binance_p2p")
    factories.make_quotes(other, 5, end=NOW)

    def ask(write: Callable[[], object]) -> tuple[int, int]:
        before, beside = market_counters(market), market_counters(other)
        write()
        after = market_counters(market)
        assert market_counters(other) == beside
        return after.revision - before.revision, after.rewrites - before.rewrites

    return ask


def row(at: dt.datetime, ask: float = 9.5) -> dict[str, object]:
    return {"timestamp": at.isoformat(), "market": "USDT/BOB@binance_p2p", "ask": ask}


def test_the_first_quotes_of_a_market_rewrite_nothing(market):
    assert market_counters(market) == Counters(revision=1, rewrites=0)


@pytest.mark.parametrize("late", [False, True])
def test_a_quote_that_came_late_is_told_from_a_new_one(market, moved, late):
    at = NOW - STEP / 2 if late else NOW + STEP
    again = at + STEP / 10
    assert moved(lambda: price_bulk_add(rows=[row(at)])) == (1, late)
    assert moved(lambda: PriceHistory.objects.create(market=market, timestamp=again, ask=9)) == (
        1,
        late,
    )
    more = [PriceHistory(market=market, timestamp=again + k * STEP / 10, ask=9) for k in (3, 1, 2)]
    assert moved(lambda: PriceHistory.objects.bulk_create(more)) == (1, late)


def test_the_same_quote_again_is_no_write(market, moved):
    price_bulk_add(rows=[row(NOW + STEP)])
    assert moved(lambda: price_bulk_add(rows=[row(NOW + STEP)])) == (0, 0)


def test_a_corrected_quote_rewrites(market, moved):
    def save(**change: object) -> None:
        quote = market.prices.latest()
        for name, value in change.items():
            setattr(quote, name, value)
        quote.save()

    def updated(**change: object) -> Callable[[], object]:
        return lambda: PriceHistory.objects.filter(market=market, timestamp=NOW).update(**change)

    assert moved(lambda: price_bulk_add(rows=[row(NOW, 8)])) == (1, 1)
    assert moved(lambda: save(ask=9)) == (1, 1)
    assert moved(lambda: save(timestamp=NOW + 9 * STEP)) == (1, 1)
    assert moved(lambda: save(timestamp=NOW)) == (1, 1)
    assert moved(updated(ask=7)) == (1, 1)
    assert moved(lambda: market.prices.update(ask=6)) == (1, 1)
    quotes = list(market.prices.all())
    assert moved(lambda: PriceHistory.objects.bulk_update(quotes, ["ask"])) == (1, 1)
    assert moved(
        lambda: PriceHistory.objects.bulk_create(
            [PriceHistory(market=market, timestamp=NOW, ask=5)],
            update_conflicts=True,
            unique_fields=["market", "timestamp"],
            update_fields=["ask"],
        )
    ) == (1, 1)
    assert moved(lambda: PriceHistory.objects.filter(ask=-1).update(ask=1)) == (0, 0)


def test_a_deleted_quote_rewrites(market, moved, rf):
    quotes = PriceHistory.objects.filter(market=market)
    plain = admin.ModelAdmin(PriceHistory, admin.site)
    assert moved(lambda: quotes.filter(timestamp=NOW).delete()) == (1, 1)
    assert moved(lambda: quotes.first().delete()) == (1, 1)
    assert moved(lambda: plain.delete_model(rf.post("/"), quotes.first())) == (1, 1)
    assert moved(lambda: plain.delete_queryset(rf.post("/"), quotes.all())) == (1, 1)
    assert moved(quotes.delete) == (0, 0)


def test_a_quote_that_moves_to_another_market_rewrites_both(market):
    other = factories.make_market("USDT/COP@binance_p2p")
    quote = PriceHistory.objects.filter(market=market).latest()
    quote.market = other
    quote.save()
    assert [market_counters(m).rewrites for m in (market, other)] == [1, 1]
    PriceHistory.objects.filter(market=other).update(market=market)
    assert [market_counters(m).rewrites for m in (market, other)] == [2, 2]


def test_a_market_that_is_deleted_and_made_again_starts_anew(market):
    market.delete()
    assert PriceHistory.objects.count() == 0
    again = factories.make_market()
    assert again.pk != market.pk
    assert market_counters(again) == (0, 0)


def test_what_is_undone_moves_nothing(market, moved):
    def undone() -> None:
        with transaction.atomic():
            price_bulk_add(rows=[row(NOW)])
            transaction.set_rollback(True)

    assert moved(undone) == (0, 0)


def test_saving_a_market_that_was_read_earlier_does_not_turn_the_counters_back(market):
    early = Market.objects.get(pk=market.pk)
    price_bulk_add(rows=[row(NOW, 8)])
    early.cadence_minutes = 15
    early.save()
    assert market_counters(market) == (2, 1)
    assert Market.objects.get().cadence_minutes == 15


def test_a_market_that_is_simulated_again_is_rewritten(db):
    first = price_simulate(days=2)
    before = market_counters(first)
    price_simulate(days=2, seed=1)
    assert market_counters(first).rewrites > before.rewrites


def test_an_import_in_another_process_is_seen(market, moved, for_children, tmp_path):
    def add(moment: dt.datetime, ask: float) -> None:
        path = tmp_path / "more.csv"
        place = "USDT,BOB,binance_p2p"
        path.write_text(f"timestamp,asset,fiat,exchange,ask\n{moment:%FT%TZ},{place},{ask}\n")
        command = [sys.executable, "manage.py", "import_prices", str(path)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    assert moved(lambda: add(NOW + STEP, 9.5)) == (1, 0)
    assert moved(lambda: add(NOW + STEP, 9.6)) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_are_all_counted():
    market = factories.make_market()
    together, problems = threading.Barrier(4), []

    def write(number: int) -> None:
        try:
            together.wait(timeout=30)
            for turn in range(5):
                price_bulk_add(rows=[row(NOW + (4 * turn + number) * STEP)], market=market)
        except Exception as error:
            problems.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert PriceHistory.objects.count() == 20
    assert market_counters(market).revision == 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_a_writer_that_had_to_wait_sees_what_the_other_one_added():
    """The second one is late although its quote was newer than all when it asked."""
    market = factories.make_market()
    factories.make_quotes(market, 3, end=NOW)
    waiting, problems = threading.Event(), []

    def write() -> None:
        try:
            waiting.set()
            price_bulk_add(rows=[row(NOW + STEP)], market=market)
        except Exception as error:
            problems.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=write)
    with transaction.atomic():
        price_bulk_add(rows=[row(NOW + 2 * STEP)], market=market)
        thread.start()
        waiting.wait(timeout=30)
        _until_somebody_waits_for_a_lock()
    thread.join()
    assert problems == []
    assert market_counters(market) == (3, 1)


def _until_somebody_waits_for_a_lock() -> None:
    asked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    deadline = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)
    while dt.datetime.now(dt.UTC) < deadline:
        with connection.cursor() as cursor:
            cursor.execute(asked)
            if cursor.fetchone()[0]:
                return
    pytest.fail("nobody waited")
