"""A day of five markets in accelerated time, with venues that fail in turn and processes that are
killed: nothing is lost and nothing doubled."""

from __future__ import annotations

import datetime as dt

import pytest

from analytics.models import MarketSource, PriceHistory, StoredBook
from analytics.selectors.collection import gaps_of
from analytics.services.collection import keeping, rounds
from tests.analytics.venues.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
MARKETS = (("okx_p2p", "VES"), ("binance_agent", "BOB"), ("criptoya", "ARS"), ("yadio", "VES"),
           ("dolarapi", "VES"))  # fmt: skip
STEP = dt.timedelta(minutes=30)
TURNS = 48
MINUTE = dt.timedelta(minutes=1)
FAULTS = ("", "html", "", "truncated", "", "rate_limited_long", "", "clock_ahead", "server_error")


class Killed(BaseException):
    """The end of the process."""


def killed_at(monkeypatch, module, name, collect):
    """A round whose process dies when it has done the named step for its third market."""
    work, calls = getattr(module, name), []

    def dying(*given, **more):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return work(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, dying)
        patched.setattr(rounds, "venues_release", lambda *, by: None)
        with pytest.raises(Killed):
            collect()


def test_a_day_of_five_markets_loses_and_doubles_nothing(
    sourced, collect, clock, playing, monkeypatch
):
    sources = [sourced(venue, fiat, interval_seconds=1800) for venue, fiat in MARKETS]
    kills = {10: (rounds, "reading_keep"), 20: (keeping, "_plan"), 32: (keeping, "state_keep")}
    for turn in range(TURNS):
        clock.now = max(clock.now, NOW + turn * STEP + MINUTE * bool(turn))
        playing.heal()
        if turn not in kills and (fault := FAULTS[turn % len(FAULTS)]):
            playing.break_venue(MARKETS[turn % 5][0], fault)
        if turn in kills:
            killed_at(monkeypatch, *kills[turn], collect)
            clock.now += keeping.LEASE
        collect()
        # Told twice, as a queue may: nothing is due, nothing happens.
        assert collect().done == {}
    for source in MarketSource.objects.filter(pk__in=[s.pk for s in sources]):
        quotes = PriceHistory.objects.filter(market=source.market).order_by("timestamp")
        failed = sum(reason.count for reason in source.reasons.all())
        assert source.readings == TURNS
        assert quotes.count() + failed == TURNS
        assert failed > 2
        times = list(quotes.values_list("timestamp", flat=True))
        slots = [round((at - NOW) / STEP - 0.2) for at in times]
        assert slots == sorted(set(slots))
        books = StoredBook.objects.filter(market=source.market)
        if source.venue in ("okx_p2p", "binance_agent"):
            assert set(books.values_list("taken_at", flat=True)) == set(times)
        # Where a turn failed there is a gap, and there alone.
        gaps = gaps_of(source.market, since=NOW, longer_than=STEP * 1.5)
        missing = sum(round((gap.end - gap.start) / STEP) - 1 for gap in gaps)
        edges = slots[0] + TURNS - 1 - slots[-1]
        assert missing + edges == failed
