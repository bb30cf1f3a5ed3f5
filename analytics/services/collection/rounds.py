"""Rounds of collecting: whatever is due is read and stored; a dry run shows what would be."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from analytics.exceptions import Conflict, InvalidInput, Unavailable
from analytics.models import MarketSource
from analytics.selectors.collection import NOT_AHEAD, sources_due
from analytics.services.collection.books import depth_described
from analytics.services.collection.keeping import (
    busy,
    holder,
    reading_keep,
    state_keep,
    turn_fail,
    venue_hold,
    venue_state,
    venues_release,
)
from analytics.services.collection.sources import source_order
from analytics.services.collection.wiring import identities, real_setting
from analytics.venues.book import Book, VenueQuote
from analytics.venues.collect import Order, Reading, collect, collect_all
from analytics.venues.fetch.client import Setting

logger = logging.getLogger(__name__)
COLLECT_TASK = "analytics.tasks.collect_prices"
_SHOWN_LEVELS = 5
#: Venues that are read beside each other; one that waits its turn would lose its lease.
MOST_THREADS = 16


@dataclass
class Round:
    """What a round did: (source's pk, symbol) -> "" where a quote was stored, else the error's
    code; `skipped` are those whose venue another process reads."""

    done: dict[tuple[int, str], str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def stored(self) -> int:
        """How many quotes were stored."""
        return sum(not code for code in self.done.values())

    @property
    def failed(self) -> dict[str, int]:
        """Errors by code."""
        return dict(Counter(code for code in self.done.values() if code))


def collect_due(
    *,
    setting: Setting | None = None,
    parallel: int = MOST_THREADS,
    ahead: dt.timedelta = NOT_AHEAD,
) -> Round:
    """Read every source that is switched on and due, or will be so by `ahead`: half the pace of
    whoever calls this, so that each is read at the call next to its time. Raises nothing for what a
    venue does."""
    setting = setting or real_setting()
    due = sources_due(setting.clock(), ahead=ahead)
    return collect_sources(due, setting=setting, parallel=parallel)


def collect_scheduled() -> Round:
    """The scheduled round, every minute."""
    return collect_due(ahead=dt.timedelta(seconds=30))


def collect_sources(
    sources: Iterable[MarketSource], *, setting: Setting | None = None, parallel: int = MOST_THREADS
) -> Round:
    """Read these sources now, due or not. Each reading is stored as it comes; a venue that another
    process reads is left to it."""
    setting = setting or real_setting()
    found, by, named = Round(), holder(), {}
    try:
        orders = []
        for source in sources:
            order = _turn(source, by=by, found=found, setting=setting)
            if order is not None:
                orders.append(order)
                named[source.pk] = source.market.symbol
        now = setting.clock()
        states = {order.venue: venue_state(order.venue, now=now) for order in orders}
        for reading in collect_all(orders, identities(), states, setting, parallel=parallel):
            _keep(reading, by=by, found=found, named=named, setting=setting)
    finally:
        venues_release(by=by)
    return found


def _turn(source: MarketSource, *, by: str, found: Round, setting: Setting) -> Order | None:
    """The source's order, once its venue is ours."""
    now, symbol = setting.clock(), source.market.symbol
    try:
        order = source_order(source)
    except (InvalidInput, Unavailable) as error:
        turn_fail(source, error, now)
        found.done[source.pk, symbol] = error.code
        return None
    if not venue_hold(source.venue, by=by, now=now):
        found.skipped.append(symbol)
        return None
    return order


def _keep(
    reading: Reading, *, by: str, found: Round, named: dict[int, str], setting: Setting
) -> None:
    pk = reading.order.tag
    try:
        code = reading_keep(reading, by=by, now=setting.clock())
    except Exception:
        # The database's or a subscriber's fault: the source stays due, the others go on.
        logger.exception("storing a reading of %s", named[pk])
        found.done[pk, named[pk]] = "not_stored"
        return
    if code is None:
        found.skipped.append(named[pk])
    else:
        found.done[pk, named[pk]] = code


# ------------------------------------------------------------------------------------- dry run
def source_try(*, source: MarketSource, setting: Setting | None = None) -> dict[str, Any]:
    """Read a source once and say what would be stored; nothing is, but the venue's pace. Raises
    the CollectionError of a reading that failed, Conflict (venue_busy), and as `source_order`."""
    setting = setting or real_setting()
    order, by = source_order(source), holder()
    if not venue_hold(source.venue, by=by, now=setting.clock()):
        raise Conflict(busy(source.venue), "venue_busy")
    try:
        state = venue_state(source.venue, now=setting.clock())
        reading = collect(order, identities(), state, setting)
        state_keep(reading, by=by, now=setting.clock())
    finally:
        venues_release(by=by)
    if reading.error is not None:
        raise reading.error
    found = {"market": source.market.symbol, "requests": reading.requests}
    return found | _described(cast(VenueQuote, reading.quote), reading.book)


def _described(quote: VenueQuote, book: Book | None) -> dict[str, Any]:
    """What would be stored, in plain values."""
    figures = {k: v for k, v in quote.figures().items() if v is not None}
    taken_at: dt.datetime = figures.pop("timestamp")
    return {
        "venue": quote.venue,
        "timestamp": taken_at,
        "method": quote.method,
        "quote": {name: float(value) for name, value in figures.items()},
        "concentration": {
            side: float(found.concentration)
            for side, found in (("ask", quote.ask), ("bid", quote.bid))
            if found is not None and found.concentration is not None
        },
        "notes": list(quote.notes),
        "dropped": dict(quote.dropped),
        "ads": {} if book is None else {"ask": len(book.asks), "bid": len(book.bids)},
        "depth": {} if book is None else depth_described(book, most=_SHOWN_LEVELS),
    }
