"""What a reading leaves behind: one transaction, all of it or nothing.

A process reads a venue only while it *holds* it, a lease in the venue's row. The transaction of
every reading renews the lease first: whoever lost it meanwhile (it was asleep for minutes) changes
no row and keeps nothing. So a process that is killed at any instant leaves its sources due and its
lease to run out (on its own machine it is over at once), and two processes never store one reading
twice.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import fields

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from analytics.exceptions import AnalyticsError, InvalidInput
from analytics.models import CollectionFailure, MarketSource, StoredBook, VenueStatus
from analytics.services.alive import name_is_dead, process_name
from analytics.services.prices.single import quote_add
from analytics.venues.book import Book, VenueQuote
from analytics.venues.collect import Reading
from analytics.venues.depth import pack_book
from analytics.venues.errors import NonsensePrice
from analytics.venues.fetch.state import LONGEST_PAUSE, VenueState

#: Longer than one reading may take (240 s) and what it waits before.
LEASE = dt.timedelta(seconds=330)
_STATE = tuple(f.name for f in fields(VenueState))


def holder() -> str:
    """A name that only this round has."""
    return f"{process_name()}/{uuid.uuid4().hex[:12]}"


def venue_hold(venue: str, *, by: str, now: dt.datetime) -> bool:
    """Take the venue's lease; False where another one holds it. One of a process of this machine
    that is gone (killed, say) is over at once. A lease longer than any was taken before the clock
    was set back."""
    row, _made = VenueStatus.objects.get_or_create(venue=venue)
    if _is_gone(row.held_by):
        left = VenueStatus.objects.filter(venue=venue, held_by=row.held_by)
        left.update(held_by="", held_until=None)
    over = Q(held_until=None) | Q(held_until__lte=now) | Q(held_until__gt=now + LEASE)
    free = VenueStatus.objects.filter(over | Q(held_by=by), venue=venue)
    return bool(free.update(held_by=by, held_until=now + LEASE))


def _is_gone(held_by: str) -> bool:
    process, slash, _round = held_by.rpartition("/")
    return bool(slash) and name_is_dead(process)


def venues_release(*, by: str) -> None:
    """Give back every venue that is held by that name."""
    VenueStatus.objects.filter(held_by=by).update(held_by="", held_until=None)


def venue_state(venue: str, *, now: dt.datetime) -> VenueState:
    """What is remembered of the venue. A pause longer than any was begun before the clock was set
    back: it is over."""
    row = VenueStatus.objects.filter(venue=venue).values(*_STATE).first() or {}
    if row and row["open_until"] and row["open_until"] > now + LONGEST_PAUSE:
        row["open_until"] = None
    return VenueState(**row)


@transaction.atomic
def reading_keep(reading: Reading, *, by: str, now: dt.datetime) -> str | None:
    """Store what became of a source's turn: quote and book or the error, the venue's state, and
    when it is due again. Answers the error's code, "" where a quote was stored, None where nothing
    was kept: the venue is held by somebody else, or the source is gone or has another venue."""
    if not state_keep(reading, by=by, now=now):
        return None
    sources = MarketSource.objects.select_related("market").select_for_update(of=("self",))
    source = sources.filter(pk=reading.order.tag).first()
    if source is None or source.venue != reading.order.venue:
        return None
    problem: AnalyticsError | None = reading.error
    if reading.quote is not None:
        problem = _store(source, reading.quote, reading.book)
    if problem is not None:
        failure_keep(source, problem, now)
    else:
        source.last_success_at, source.failures = now, 0
    source.last_attempt_at, source.readings = now, F("readings") + 1
    _plan(source, now)
    return problem.code if problem is not None else ""


def state_keep(reading: Reading, *, by: str, now: dt.datetime) -> bool:
    """Store the venue's state and renew the lease; False where it is not ours any more."""
    state = {name: getattr(reading.state, name) for name in _STATE}
    mine = VenueStatus.objects.filter(venue=reading.order.venue, held_by=by)
    return bool(mine.update(**state, held_until=now + LEASE))


def _store(source: MarketSource, quote: VenueQuote, book: Book | None) -> AnalyticsError | None:
    """Quote and book into their tables. Figures that no column takes are nonsense of the venue."""
    try:
        with transaction.atomic():
            figures = quote.figures()
            taken_at = figures.pop("timestamp")
            quote_add(market=source.market, timestamp=taken_at, figures=figures)
    except InvalidInput as error:
        return NonsensePrice(_("A figure of the venue does not fit into a quote."), error.fields)
    if book is not None:
        book_keep(source, book.taken_at, pack_book(book))
    return None


def book_keep(source: MarketSource, taken_at: dt.datetime, data: bytes) -> None:
    """Keep a book, and drop those of the market that are older than the source keeps them."""
    books = StoredBook.objects.filter(market=source.market)
    books.get_or_create(taken_at=taken_at, defaults={"market": source.market, "data": data})
    books.filter(taken_at__lt=taken_at - dt.timedelta(days=source.keep_book_days)).delete()


def turn_fail(source: MarketSource, problem: AnalyticsError, now: dt.datetime) -> None:
    """A turn that failed before the venue was asked: its options cannot be used, say."""
    with transaction.atomic():
        failure_keep(source, problem, now)
        source.last_attempt_at = now
        _plan(source, now)


def failure_keep(source: MarketSource, problem: AnalyticsError, now: dt.datetime) -> None:
    """Count a failure for its reason, and set the source's last error (the caller saves it)."""
    source.last_error_at, source.last_error_code = now, problem.code
    source.last_error, source.failures = problem.message, source.failures + 1
    said = {"last_at": now, "message": problem.message, "fields": problem.fields}
    reason, new = CollectionFailure.objects.get_or_create(
        source=source, code=problem.code, defaults={**said, "first_at": now, "count": 1}
    )
    if not new:
        same = CollectionFailure.objects.filter(pk=reason.pk)
        same.update(**said, count=F("count") + 1)


def _plan(source: MarketSource, now: dt.datetime) -> None:
    """The next turn an interval after this one was due, so that the pace is kept; an interval from
    now where that has passed, or the clock was set back."""
    interval = dt.timedelta(seconds=source.interval_seconds)
    planned = (source.next_due_at or now) + interval
    source.next_due_at = planned if now < planned <= now + 2 * interval else now + interval
    source.save(
        update_fields=[
            *("next_due_at", "last_attempt_at", "last_success_at", "readings", "failures"),
            *("last_error_at", "last_error_code", "last_error"),
        ]
    )


def busy(venue: str) -> str:
    """The sentence for a venue that another process reads just now."""
    return _("%(venue)s is being read by another process; try again in a moment.") % {
        "venue": venue
    }
