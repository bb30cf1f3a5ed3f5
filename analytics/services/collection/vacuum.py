"""Order books that are kept no longer."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from analytics.models import Market, MarketSource, StoredBook


def books_vacuum(*, now: dt.datetime | None = None) -> int:
    """Drop the order books that are older than their market's source keeps them; answers how many.
    Every new book does so too: this is for markets that get none any more. A market whose source is
    gone keeps its books as long as a new source would."""
    now = now or timezone.now()
    days = dict(MarketSource.objects.values_list("market", "keep_book_days"))
    default = MarketSource._meta.get_field("keep_book_days").default
    dropped = 0
    for market in Market.objects.filter(books__isnull=False).distinct():
        kept = days.get(market.pk, default)
        limit = now - dt.timedelta(days=kept)
        books = StoredBook.objects.filter(market=market)
        if not kept:
            limit = books.latest("taken_at").taken_at  # the latest only
        dropped += books.filter(taken_at__lt=limit).delete()[0]
    return dropped
