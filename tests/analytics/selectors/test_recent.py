"""The kept frame of a market's prices: read once, and never older than its rows."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from django.db import transaction

from analytics.models import Market, PriceHistory
from analytics.selectors.prices import price_frame
from analytics.selectors.recent import MOST_FRAMES, frame_at, recent_prices

# Inside a transaction nothing is kept: every test has its own rows to commit.
pytestmark = pytest.mark.django_db(transaction=True)
NOW = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)
SINCE = NOW - dt.timedelta(days=3)


@pytest.fixture(autouse=True)
def _nothing_kept():
    frame_at.cache_clear()
    yield
    frame_at.cache_clear()


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
    return recent_prices(market, since=SINCE, until=until)


def plain(market: Market, until: dt.datetime = NOW) -> pd.DataFrame:
    return price_frame(market, since=SINCE, until=until)[["bid", "ask"]]


def test_it_is_the_frame_of_the_prices(market):
    pd.testing.assert_frame_equal(ask(market), plain(market))
    early = NOW - dt.timedelta(hours=5)
    pd.testing.assert_frame_equal(ask(market, early), plain(market, early))
    assert ask(market, SINCE).empty


def test_asked_again_only_the_counters_are_read(market, django_assert_num_queries):
    with django_assert_num_queries(2):
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


def test_few_frames_are_kept(market):
    for minutes in range(MOST_FRAMES + 5):
        ask(market, NOW - dt.timedelta(minutes=minutes))
    assert frame_at.cache_info().currsize == MOST_FRAMES


def test_what_is_undone_again_is_not_kept(market):
    before = ask(market)
    with transaction.atomic():
        PriceHistory.objects.filter(market=market).update(ask="1.5")
        assert (ask(market)["ask"] == 1.5).all()
        transaction.set_rollback(True)
    pd.testing.assert_frame_equal(ask(market), before)
    PriceHistory.objects.filter(market=market).update(ask="2.5")
    assert (ask(market)["ask"] == 2.5).all()
