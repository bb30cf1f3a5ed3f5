"""Reading markets: one order in, one reading out, whatever the marketplace does.

A reading never raises for what a venue did: it carries a quote or an error, and the venue's new
state for whoever stores it. So one venue's failure never stops another.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal
from queue import SimpleQueue
from typing import Any

from analytics.exceptions import InvalidInput
from analytics.venues.book import Book, Pair, VenueQuote
from analytics.venues.errors import CollectionError, NotOffered
from analytics.venues.fetch.client import REAL, Setting, VenueClient
from analytics.venues.fetch.http import HttpSession
from analytics.venues.fetch.state import FIRST_STATE, VenueState, admit, failed, succeeded
from analytics.venues.identity import Identities
from analytics.venues.options import BookOptions, VenueOptions, make_options
from analytics.venues.quoting.cleaning import DEFAULT_RULES, CleanRules
from analytics.venues.quoting.condense import quote_book
from analytics.venues.quoting.methods import DEFAULT_METHOD, get_method
from analytics.venues.registry import Offer, VenueSpec, Visit, get_venue
from analytics.venues.texts import Text as _

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be read: a market at a venue, and how its ads become a price. `want` chooses
    between the two where a venue has both a book and a quote; `tag` comes back in the reading."""

    venue: str
    pair: Pair
    options: VenueOptions
    want: Offer
    method: str = DEFAULT_METHOD
    rules: CleanRules = DEFAULT_RULES
    reference: Decimal | None = None
    tag: Any = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What became of an order: a quote (and the book it came from), or the error."""

    order: Order
    quote: VenueQuote | None = None
    book: Book | None = None
    error: CollectionError | InvalidInput | None = None
    state: VenueState = FIRST_STATE
    requests: int = 0
    seconds: float = field(default=0.0, compare=False)


def make_order(
    venue: str,
    pair: Pair,
    options: Mapping[str, Any] | None = None,
    *,
    want: str = "",
    method: str = DEFAULT_METHOD,
    min_completion: Decimal | None = None,
    reference: Decimal | None = None,
    tag: Any = None,
) -> Order:
    """An order out of loose values (a stored row, a form). Raises UnknownVenue, BadVenueConfig,
    NotOffered."""
    spec = get_venue(venue)
    made = make_options(spec.options, options or {})
    get_method(method)
    rules = CleanRules(min_completion=min_completion)
    if isinstance(made, BookOptions):
        rules = replace(rules, payments=made.payments, merchants_only=made.merchants_only)
    return Order(
        venue=venue,
        pair=pair,
        options=made,
        want=_wanted(spec, want),
        method=method,
        rules=rules,
        reference=reference,
        tag=tag,
    )


def _wanted(spec: VenueSpec, want: str) -> Offer:
    answered = [offer for offer in (Offer.BOOK, Offer.QUOTE) if offer in spec.offers]
    if not want:
        return answered[0]
    if want not in answered:
        raise NotOffered(
            _(
                "%(venue)s answers %(answered)s, not %(want)r.",
                venue=spec.title,
                answered=" and ".join(answered),
                want=want,
            ),
            fields={"want": _("must be one of %(choices)s", choices=", ".join(answered))},
        )
    return Offer(want)


def collect(
    order: Order,
    identities: Identities,
    state: VenueState = FIRST_STATE,
    setting: Setting = REAL,
) -> Reading:
    """One reading. Never raises for what the venue did, nor for an adapter's own fault."""
    started = setting.monotonic()
    try:
        spec = get_venue(order.venue)
        admit(state, setting.clock())
    except (CollectionError, InvalidInput) as error:
        return Reading(order=order, error=error, state=state)
    rules = replace(setting.rules, max_bytes=spec.max_bytes, timeout=order.options.timeout)
    with HttpSession(rules, resolver=setting.resolver, monotonic=setting.monotonic) as session:
        client = VenueClient(
            session, setting, state, interval=spec.interval, max_skew=order.options.max_skew
        )
        visit = Visit(order.venue, order.pair, order.options, client, identities)
        quote, book, problem = _read(spec, order, visit)
    now = setting.clock()
    if isinstance(problem, CollectionError):
        after = failed(client.state, problem, now)
    else:
        after = succeeded(client.state, now) if problem is None else client.state
    return Reading(
        order=order,
        quote=quote,
        book=book,
        error=problem,
        state=after,
        requests=client.requests,
        seconds=setting.monotonic() - started,
    )


def _read(
    spec: VenueSpec, order: Order, visit: Visit[Any]
) -> tuple[VenueQuote | None, Book | None, CollectionError | InvalidInput | None]:
    book = None
    try:
        if order.want is Offer.QUOTE and spec.quote is not None:
            return spec.quote(visit), None, None
        if spec.book is None:
            raise NotOffered(_("%(venue)s lists no ads.", venue=spec.title))
        book = spec.book(visit)
        quote = quote_book(book, method=order.method, rules=order.rules, reference=order.reference)
        return quote, book, None
    except (CollectionError, InvalidInput) as error:
        return None, book, error
    except Exception as error:
        # Its words may repeat the answer; where it happened is enough to find it.
        where = "".join(traceback.format_tb(error.__traceback__, limit=-3))
        kind = type(error).__name__
    log.error("The adapter of %s failed with %s:\n%s", spec.name, kind, where)
    said = _("The adapter of %(venue)s failed (%(kind)s).", venue=spec.title, kind=kind)
    return None, book, CollectionError(said)


def collect_all(
    orders: Iterable[Order],
    identities: Identities,
    states: Mapping[str, VenueState] | None = None,
    setting: Setting = REAL,
    *,
    parallel: int = 4,
) -> Iterator[Reading]:
    """Every order once: venues beside each other (`parallel` threads at most), the markets of one
    venue one after the other. Yields each reading as it comes, so that it can be stored before the
    others are there; its `state` is the venue's by then."""
    by_venue: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        by_venue[order.venue].append(order)

    def visit(venue: str) -> Iterator[Reading]:
        state = (states or {}).get(venue, FIRST_STATE)
        for order in by_venue[venue]:
            reading = collect(order, identities, state, setting)
            state = reading.state
            yield reading

    if parallel > 1 and len(by_venue) > 1:
        yield from _beside_each_other([visit(venue) for venue in by_venue], parallel)
    else:
        for venue in by_venue:
            yield from visit(venue)


def _beside_each_other(visits: Sequence[Iterator[Reading]], threads: int) -> Iterator[Reading]:
    """What several visits find, in the order in which it comes. Whoever stops listening ends every
    visit after the reading it is at."""
    found: SimpleQueue[Reading | None] = SimpleQueue()
    stopped = threading.Event()

    def go_through(visit: Iterator[Reading]) -> None:
        try:
            for reading in visit:
                found.put(reading)
                if stopped.is_set():
                    break
        finally:
            found.put(None)

    with ThreadPoolExecutor(min(threads, len(visits))) as pool:
        try:
            going = [pool.submit(go_through, visit) for visit in visits]
            for _visit in visits:
                while (reading := found.get()) is not None:
                    yield reading
            for visited in going:
                visited.result()
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
