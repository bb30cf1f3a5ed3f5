"""The kept frame of a market's prices: read once, and never older than its rows."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext

from analytics.models import Market, PriceHistory
from analytics.selectors.frames import price_frame
from analytics.selectors.prices import market_counters
from analytics.selectors.recent import MOST_FRAMES, HeldQuotes, held_quotes, recent_quotes
from tests import factories

# Inside a transaction nothing is kept: every test has its own rows to commit.
pytestmark = pytest.mark.django_db(transaction=True)
NOW = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)
SINCE = NOW - dt.timedelta(days=3)
PRICES = ("bid", "ask", "price")


@pytest.fixture
def market() -> Market:
    made = Market.objects.create(asset="USDT", fiat="BOB", exchange="binance_p2p")
    PriceHistory.objects.bulk_create(
        PriceHistory(
            market=made,
            timestamp=NOW - dt.timedelta(minutes=30 * k),
            bid=None if k % 7 == 3 else f"{9 + k / 100:.2f}",
            ask=f"{9.1 + k / 90:.4f}",
            ask_volume=100,
        )
        for k in range(60)
    )
    return made


def ask(market: Market, until: dt.datetime = NOW) -> pd.DataFrame:
    return recent_quotes(market, since=SINCE, until=until, columns=PRICES)


def plain(market: Market, until: dt.datetime = NOW) -> pd.DataFrame:
    return price_frame(market, since=SINCE, until=until)[["bid", "ask"]]


def in_ns(moment: dt.datetime) -> int:
    return pd.Timestamp(moment).as_unit("ns").value


def test_it_is_the_frame_of_the_prices(market):
    pd.testing.assert_frame_equal(ask(market), plain(market))
    early = NOW - dt.timedelta(hours=5)
    pd.testing.assert_frame_equal(ask(market, early), plain(market, early))
    assert ask(market, SINCE).empty


def test_asked_again_only_the_counters_are_read(market, django_assert_num_queries):
    with django_assert_num_queries(3):  # the counters, the newest moment, the quotes
        first = ask(market)
    with django_assert_num_queries(1):
        assert ask(market) is first


@pytest.mark.parametrize("change", ["figure", "erased", "swapped", "deleted", "added"])
def test_a_change_of_an_old_row_is_seen(market, change):
    first = ask(market)
    rows = PriceHistory.objects.filter(market=market).order_by("timestamp")
    old, other = rows[10], rows[12]
    if change == "figure":
        rows.filter(pk=old.pk).update(ask="9.1234")
    elif change == "erased":
        rows.filter(pk=old.pk).update(bid=None)
    elif change == "swapped":
        rows.filter(pk=old.pk).update(ask=other.ask)
        rows.filter(pk=other.pk).update(ask=old.ask)
    elif change == "deleted":
        old.delete()
    else:
        moment = old.timestamp + dt.timedelta(minutes=3)
        PriceHistory.objects.create(market=market, timestamp=moment, ask="9.5")
    found = ask(market)
    assert not found.equals(first)
    pd.testing.assert_frame_equal(found, plain(market))


def test_another_market_and_another_moment_have_their_own(market):
    other = Market.objects.create(asset="USDT", fiat="VES", exchange="binance_p2p")
    PriceHistory.objects.create(market=other, timestamp=NOW, price="50")
    ask(market)
    assert list(ask(other).columns) == ["price"]
    assert len(ask(market, NOW - dt.timedelta(hours=1))) == len(ask(market)) - 2


def add(market: Market, minutes: int, **figures: object) -> PriceHistory:
    moment = NOW + dt.timedelta(minutes=minutes)
    return PriceHistory.objects.create(market=market, timestamp=moment, **figures)


def test_a_later_quote_is_appended_and_nothing_is_read_again(market, django_assert_num_queries):
    before = ask(market).copy()
    for step in range(1, 100):  # more than the room behind the rows holds
        add(market, step, bid="9.1", ask=None if step % 3 else "9.2")
    later = NOW + dt.timedelta(minutes=99)
    with CaptureQueriesContext(connection) as asked:
        found = ask(market, later)
    assert len(asked) == 2  # the counters, what came later
    assert '"timestamp" > ' in asked[1]["sql"]
    pd.testing.assert_frame_equal(found, plain(market, later))
    pd.testing.assert_frame_equal(ask(market), before)
    with django_assert_num_queries(1):
        assert len(ask(market, later)) == len(before) + 99


def test_a_column_that_comes_with_a_later_quote_is_there(market):
    assert "price" not in ask(market)
    add(market, 1, price="9.3")
    later = NOW + dt.timedelta(minutes=1)
    assert ask(market, later)["price"].iloc[-1] == 9.3
    assert "price" not in ask(market)


def test_a_correction_after_an_append_is_seen(market):
    ask(market)
    newest = add(market, 1, ask="9.5")
    later = NOW + dt.timedelta(minutes=1)
    assert ask(market, later)["ask"].iloc[-1] == 9.5
    PriceHistory.objects.filter(pk=newest.pk).update(ask="9.6")
    assert ask(market, later)["ask"].iloc[-1] == 9.6
    newest.delete()
    pd.testing.assert_frame_equal(ask(market, NOW), plain(market, NOW))


def test_what_another_process_imported_is_seen(market):
    """Of another process only the rows and the counters are known: SQL stands for it."""
    ask(market)
    moment = connection.ops.adapt_datetimefield_value(NOW - dt.timedelta(minutes=7))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {PriceHistory._meta.db_table} (market_id, timestamp, ask) "
            "VALUES (%s, %s, 9.9)",
            [market.pk, moment],
        )
    Market.objects.filter(pk=market.pk).update(
        revision=models.F("revision") + 1, rewrites=models.F("rewrites") + 1
    )
    assert ask(market)["ask"].iloc[-2] == 9.9


def test_a_new_market_under_the_number_of_a_deleted_one_has_its_own(market):
    ask(market)
    number, counters = market.pk, market_counters(market)
    market.delete()
    again = Market.objects.create(pk=number, asset="BTC", fiat="USD", exchange="x")
    PriceHistory.objects.create(market=again, timestamp=NOW, price="50000")
    Market.objects.filter(pk=number).update(revision=counters.revision, rewrites=counters.rewrites)
    assert list(ask(again).columns) == ["price"]


def test_an_old_stretch_is_read_and_not_kept(market, django_assert_num_queries):
    early = NOW - dt.timedelta(hours=20)
    for _time in range(2):
        with django_assert_num_queries(3):  # the counters, the newest moment, the stretch
            found = ask(market, early)
        pd.testing.assert_frame_equal(found, plain(market, early))


def test_as_the_days_pass_old_quotes_are_let_go(market):
    ask(market)
    late = NOW + dt.timedelta(days=20)
    add(market, 20 * 1440, ask="9.4")
    held_quotes.frame(market, *map(in_ns, (late - dt.timedelta(days=2), late)), PRICES)
    assert held_quotes._held.get(market.pk).rows == 1
    pd.testing.assert_frame_equal(ask(market, late), plain(market, late))


def test_a_part_that_is_asked_for_makes_nobody_read_the_rest_again(
    market, django_assert_num_queries
):
    factories.make_quotes(market, 1, end=NOW - dt.timedelta(days=40))
    since = NOW - dt.timedelta(days=60)
    whole = recent_quotes(market, since=since, until=NOW)
    with django_assert_num_queries(2):  # the counters
        part = recent_quotes(market, since=SINCE, until=NOW, part=True)
        again = recent_quotes(market, since=since, until=NOW)
    assert len(part) == 60
    pd.testing.assert_frame_equal(again, whole)


def test_what_is_kept_is_bounded(market, monkeypatch):
    other = Market.objects.create(asset="USDT", fiat="VES", exchange="binance_p2p")
    PriceHistory.objects.create(market=other, timestamp=NOW, price="50")
    ask(market)
    monkeypatch.setattr(
        "analytics.selectors.recent.MOST_BYTES", held_quotes._held.get(market.pk).size
    )
    ask(other)
    assert held_quotes._held.get(market.pk) is None
    assert held_quotes._held.get(other.pk) is not None
    for minutes in range(MOST_FRAMES + 5):
        ask(other, NOW + dt.timedelta(minutes=minutes))
        recent_quotes(other, since=SINCE + dt.timedelta(days=minutes), until=NOW, columns=PRICES)
    assert len(held_quotes._held.get(other.pk).frames) <= MOST_FRAMES


def test_threads_that_append_at_once_agree(market):
    held = HeldQuotes()
    held.frame(market, in_ns(SINCE), in_ns(NOW), PRICES)
    for step in range(1, 20):
        add(market, step, ask="9.5")
    later = NOW + dt.timedelta(minutes=19)

    def look(_number: int) -> int:
        try:
            found = held.frame(market, in_ns(SINCE), in_ns(later), PRICES)
            return -1 if found is None else len(found)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(look, range(12))) == {79}


def test_what_is_undone_again_is_not_kept(market):
    before = ask(market)
    with transaction.atomic():
        PriceHistory.objects.filter(market=market).update(ask="1.5")
        assert (ask(market)["ask"] == 1.5).all()
        transaction.set_rollback(True)
    pd.testing.assert_frame_equal(ask(market), before)
    PriceHistory.objects.filter(market=market).update(ask="2.5")
    assert (ask(market)["ask"] == 2.5).all()
