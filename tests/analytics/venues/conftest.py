"""A stopped clock, marketplaces that play by it, and readings of them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from analytics.venues.book import Ad, Book, Pair, Side
from analytics.venues.collect import Order, Reading, collect, make_order
from analytics.venues.fetch.client import Setting
from analytics.venues.fetch.guard import HttpRules
from analytics.venues.fetch.state import VenueState
from analytics.venues.identity import Identities
from tests.playing.server import PlayingServer
from tests.venue_server import markets

NOW = dt.datetime(2026, 5, 4, 12, 0, tzinfo=dt.UTC)
KEY = b"a key of the tests, 32 bytes long"
#: Rules of a session that may reach the playing server.
HERE = HttpRules(https_only=False, allow_private=True)

#: Venue -> (market, options besides the address) that the playing server answers.
PLAYED: dict[str, tuple[str, dict[str, Any]]] = {
    "binance_p2p": ("USDT/VES", {}),
    "binance_agent": ("USDT/VES", {}),
    "bybit_p2p": ("USDT/VES", {}),
    "okx_p2p": ("USDT/VES", {}),
    "criptoya": ("USDT/VES", {}),
    "yadio": ("USDT/VES", {}),
    "dolarapi": ("USDT/VES", {}),
    "spot": ("USDT/USD", {"exchange": "bitstamp"}),
    "json": (
        "USDT/ARS",
        {
            "ask": "quotations.cripto.sell",
            "bid": "quotations.cripto.buy",
            "time": "quotations.cripto.timestamp",
            "check_fiat": "quotations.cripto.currency",
            "healthy": "status == 'ok'",
        },
    ),
}
#: The playing server's name of the venue where it differs.
FACE = {"json": "dolarito"}


@dataclass
class StoppedClock:
    """Time passes only while somebody sleeps."""

    now: dt.datetime = NOW
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> dt.datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += dt.timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def playing(clock) -> Iterator[PlayingServer]:
    with PlayingServer(markets(), clock=clock) as server:
        yield server


@pytest.fixture
def setting(clock) -> Setting:
    return Setting(
        rules=HERE,
        clock=clock,
        sleep=clock.sleep,
        monotonic=clock.monotonic,
        rng=random.Random(3),
    )


@pytest.fixture
def identities() -> Identities:
    return Identities(KEY)


def played_order(server: PlayingServer, venue: str, **changes: Any) -> Order:
    market, options = PLAYED[venue]
    if venue == "json":
        options = {"url": f"{server.url}/api/frontend/quotations", **options}
    else:
        options = {"base_url": server.url, **options}
    ours = {k: changes.pop(k) for k in ("want", "method", "reference") if k in changes}
    return make_order(venue, Pair(*market.split("/")), {**options, **changes}, **ours)


@pytest.fixture
def read(playing, setting, identities) -> Callable[..., Reading]:
    """Reads a venue of the playing server once: read("okx_p2p", max_pages=2)."""

    def reading(venue: str, state: VenueState | None = None, **changes: Any) -> Reading:
        order = played_order(playing, venue, **changes)
        return collect(order, identities, state or VenueState(), setting)

    return reading


def ad(price: str | Decimal, quantity: str | int = 100, side: str = "ask", **more: Any) -> Ad:
    """An ad in few words; its hashes are made of its rank."""
    rank = more.pop("rank", 0)
    limits = {n: Decimal(str(more.pop(n))) for n in ("min_order", "max_order") if n in more}
    names = {"advertiser_hash": f"who{rank}", "ad_hash": f"ad{rank}"}
    names |= {n: more.pop(n) for n in list(names) if n in more}
    return Ad(
        side=Side(side),
        price=Decimal(price),
        quantity=Decimal(str(quantity)),
        rank=rank,
        **limits,
        **names,
        **more,
    )


def side_of(prices: list[str], side: str = "ask", **more: Any) -> list[Ad]:
    return [ad(price, side=side, rank=rank, **more) for rank, price in enumerate(prices)]


def book(asks: list[Ad] = [], bids: list[Ad] = [], **more: Any) -> Book:  # noqa: B006
    given = {"venue": "somewhere", "pair": Pair("USDT", "VES"), "taken_at": NOW, **more}
    return Book(asks=tuple(asks), bids=tuple(bids), **given)
