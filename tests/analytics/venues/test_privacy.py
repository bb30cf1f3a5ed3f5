"""No name and no account number of a person leaves a parser: not in values, texts, errors, logs."""

from __future__ import annotations

import dataclasses
import logging
import traceback
from functools import cache

import pytest

from analytics.venues.collect import collect
from analytics.venues.depth import pack_book
from analytics.venues.errors import BadVenueConfig
from analytics.venues.identity import Identities
from analytics.venues.price import price_for_amount
from analytics.venues.registry import Offer, list_venues
from tests.analytics.venues.conftest import FACE, KEY, NOW, PLAYED, played_order
from tests.playing.faults import FAULTS
from tests.venue_server import markets

BOOKS = [spec.name for spec in list_venues(Offer.BOOK)]


@cache
def secrets() -> frozenset[str]:
    """Names, account numbers and ad numbers of everybody in every market; they never change."""
    found = {"Invented-"}
    for market in markets():
        for side in ("ask", "bid"):
            for ad in market.side(side, NOW):
                found |= {ad.nick, ad.user, ad.user[:12], ad.number}
    return frozenset(found)


def everything(value, seen=None) -> str:
    """All that can be reached from a value, as text: fields, reprs, error chains, tracebacks."""
    seen = seen if seen is not None else set()
    if id(value) in seen:
        return ""
    seen.add(id(value))
    parts = [repr(value), str(value)]
    if dataclasses.is_dataclass(value):
        parts += [everything(getattr(value, f.name), seen) for f in dataclasses.fields(value)]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts += [everything(entry, seen) for entry in value]
    elif isinstance(value, dict):
        parts += [everything(entry, seen) for pair in value.items() for entry in pair]
    if isinstance(value, BaseException):
        parts += traceback.format_exception(value)
        parts += [everything(vars(value), seen), everything(value.args, seen)]
        parts += [everything(e, seen) for e in (value.__cause__, value.__context__) if e]
    return "\n".join(parts)


def said(caplog) -> str:
    """What was logged, except by the playing server."""
    played = "tests.playing"
    return "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith(played))


def assert_clean(text: str, names: frozenset[str]) -> None:
    assert not [name for name in names if name in text]


@pytest.mark.parametrize("venue", BOOKS)
def test_a_reading_holds_nobody(venue, read, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    try:
        reading = read(venue)
    finally:
        logging.getLogger("httpx").setLevel(logging.WARNING)
    names = secrets()
    assert len(names) > 300
    assert len(reading.book.asks) >= 20
    assert_clean(everything(reading), names)
    priced = price_for_amount(reading.book, "buy", reading.book.asks[0].price * 50)
    assert priced.orders
    assert_clean(everything(priced), names)
    assert_clean(said(caplog), names)


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"hang", "slow", "too_large", "bomb"}))
@pytest.mark.parametrize("venue", [*BOOKS, "json"])
def test_no_error_repeats_what_the_venue_said(venue, fault, playing, setting, identities, caplog):
    caplog.set_level(logging.DEBUG, logger="analytics")
    playing.break_venue(FACE.get(venue, venue), fault)
    reading = collect(played_order(playing, venue), identities, setting=setting)
    assert_clean(everything(reading) + said(caplog), secrets())


def test_a_stored_book_holds_nobody(read):
    import zlib

    packed = pack_book(read("bybit_p2p").book)
    assert_clean(zlib.decompress(packed).decode(), secrets())


def test_the_key_is_never_shown():
    assert KEY.decode() not in repr(Identities(KEY))


def test_a_short_key_is_refused():
    with pytest.raises(BadVenueConfig) as caught:
        Identities(b"short")
    assert "key" in caught.value.fields


def test_hashes_need_the_key_and_differ_by_venue():
    one, other = Identities(KEY), Identities(KEY + b"!")
    assert one.advertiser("a", "x") == one.advertiser("a", "x")
    assert len({one.advertiser("a", "x"), other.advertiser("a", "x"), one.advertiser("b", "x"),
                one.ad("a", "x")}) == 4  # fmt: skip
    assert len(Identities(b"k" * 200).ad("a", "x")) == 16


def test_secret_headers_of_a_configured_venue_are_not_shown(playing):
    order = played_order(playing, "json", headers={"X-Key": "top-secret"})
    assert "top-secret" not in repr(order)
    assert order.options.headers["X-Key"] == "top-secret"
    assert set(PLAYED) >= {order.venue}
