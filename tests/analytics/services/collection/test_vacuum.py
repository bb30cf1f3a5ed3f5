"""Order books go when their time is over, also of markets that get no new ones."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from analytics.models import StoredBook
from analytics.services.collection.vacuum import books_vacuum
from tests.factories import make_market, make_source


def books(market, *days):
    now = timezone.now()
    for back in days:
        taken_at = now - dt.timedelta(days=back)
        StoredBook.objects.create(market=market, taken_at=taken_at, data=b"x")


def left(market):
    now = timezone.now()
    return sorted((now - book.taken_at).days for book in market.books.all())


def test_books_are_dropped_after_the_days_of_their_source(db):
    kept, latest, gone = (make_market(f"USDT/{fiat}@x") for fiat in ("BOB", "VES", "ARS"))
    make_source(kept, keep_book_days=30)
    make_source(latest, keep_book_days=0)
    for market in (kept, latest, gone):
        books(market, 1, 10, 20, 40)
    assert books_vacuum() == 1 + 3 + 2
    assert (left(kept), left(latest), left(gone)) == ([1, 10, 20], [1], [1, 10])
    assert books_vacuum() == 0
