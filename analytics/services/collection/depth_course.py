"""How deep a market was over time: what its kept books held near the best price."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from decimal import Decimal
from threading import Lock

from analytics.exceptions import Unavailable
from analytics.models import Market
from analytics.selectors.collection import books_of
from analytics.services.collection.books import book_read
from analytics.venues.book import Book, Side
from analytics.venues.depth import ALL, depth

#: Near is within this share of the best price.
NEAR = Decimal("0.01")
#: Books of one chart, and depths that are kept (a book never changes; reading one costs some 5 ms).
MOST_BOOKS, MOST_KEPT = 96, 20_000
#: (moment, asset wanted by bids, asset on offer in asks); None where a side is empty.
Depth = tuple[float, float | None, float | None]

_kept: OrderedDict[int, Depth] = OrderedDict()
_lock = Lock()


def depth_course(*, market: Market, since: dt.datetime, until: dt.datetime) -> list[Depth]:
    """The depth near the best price of at most MOST_BOOKS books of that time, oldest first; empty
    where no book is kept."""
    rows = books_of(market, since=since, until=until)
    books = list(rows.order_by("taken_at").values_list("pk", flat=True))
    chosen = books[:: -(-len(books) // MOST_BOOKS) or 1]
    with _lock:
        found = {pk: _kept[pk] for pk in chosen if pk in _kept}
    for row in books_of(market).filter(pk__in=set(chosen) - set(found)):
        try:
            book = book_read(row)
        except Unavailable:
            continue  # one that cannot be read says nothing; whoever asks for it is told
        found[row.pk] = (row.taken_at.timestamp(), near(book, Side.BID), near(book, Side.ASK))
    _keep(found)
    return [found[pk] for pk in chosen if pk in found]


def near(book: Book, side: Side) -> float | None:
    """What the ads of a side within NEAR of its best price hold together, in the asset."""
    levels = depth(book, side).get(ALL, ())
    if not levels:
        return None
    best = levels[0].price
    held = (level.quantity for level in levels if abs(level.price - best) <= NEAR * best)
    return float(sum(held, Decimal(0)))


def _keep(found: dict[int, Depth]) -> None:
    with _lock:
        _kept.update(found)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
