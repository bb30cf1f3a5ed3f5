"""Kept books: read back, refused when they are too old to be an offer, summed up as depth."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from analytics.conf import conf
from analytics.exceptions import NotReady, Unavailable
from analytics.models import Market, StoredBook
from analytics.selectors.collection import books_of
from analytics.venues.book import Book, Side
from analytics.venues.depth import ALL, depth, unpack_book
from analytics.venues.errors import BrokenBook


def book_at(market: Market, *, at: dt.datetime | None = None) -> Book:
    """The last kept book (at or before `at`). Raises NotReady (no_book), Unavailable
    (broken_book)."""
    row = books_of(market, until=at).first()
    if row is None:
        raise NotReady(
            _("No order book of %(market)s is kept. Collect it from a venue that lists ads.")
            % {"market": market.symbol},
            "no_book",
        )
    return book_read(row)


def book_read(row: StoredBook) -> Book:
    """A stored book. Raises Unavailable (broken_book)."""
    try:
        return unpack_book(bytes(row.data))
    except BrokenBook as error:
        raise Unavailable(_("A kept order book cannot be read."), error.code) from error


def book_age(book: Book, *, now: dt.datetime) -> dict[str, Any]:
    """When the book was read, its age, and whether it is too old to be an offer."""
    age = (now - book.taken_at).total_seconds()
    return {
        "as_of": book.taken_at,
        "age_seconds": round(age, 1),
        "stale": not 0 <= age <= conf().PRICE_MAX_AGE,
    }


def market_depth(
    *, market: Market, now: dt.datetime, at: dt.datetime | None = None, payment: str = ALL
) -> dict[str, Any]:
    """Levels of both sides, of all ads or of those of one payment method, and the methods there
    are with what they take in fiat. Raises as `book_at` does."""
    book = book_at(market, at=at)
    sides = {side: depth(book, side) for side in Side}
    return {
        "market": market.symbol,
        "venue": book.venue,
        **book_age(book, now=now),
        "payment": payment,
        "methods": {
            str(side): {
                name: float(sum(level.fiat for level in levels))
                for name, levels in found.items()
                if name != ALL
            }
            for side, found in sides.items()
        },
        **depth_described(book, payment=payment),
    }


def depth_described(book: Book, *, most: int | None = None, payment: str = ALL) -> dict[str, Any]:
    """The best levels of both sides, of all ads or of those that take one payment method."""
    return {
        str(side): [
            {
                "price": float(level.price),
                "quantity": float(level.quantity),
                "fiat": float(level.fiat),
                "offers": level.offers,
            }
            for level in depth(book, side).get(payment, ())[:most]
        ]
        for side in Side
    }
