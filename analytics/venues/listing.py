"""What the adapters of venues with ads share: both sides, walked, as one book."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from analytics.venues.book import Ad, Book, Side, counted
from analytics.venues.errors import EmptyBook
from analytics.venues.fetch.client import Reply
from analytics.venues.fetch.pages import Page, SideReading, walk
from analytics.venues.options import BookOptions
from analytics.venues.registry import Visit
from analytics.venues.texts import Text as _


def list_book(
    visit: Visit[BookOptions],
    ask: Callable[[Side, int], tuple[Reply, Page]],
    read: Callable[[Side, Mapping[str, Any], int], Ad],
    *,
    size: int,
    bounded: bool = False,
) -> Book:
    """Both sides of a market. `ask` fetches a page, `read` turns a raw ad and its rank into an Ad,
    `size` is the length of a full page; `bounded` says that the venue never lists a whole side.
    Raises EmptyBook, and every error of the way."""
    last: list[Reply] = []

    def side(which: Side) -> SideReading:
        def page(number: int) -> Page:
            reply, found = ask(which, number)
            last[:] = [reply]
            return found

        pages = 1 if bounded else visit.options.max_pages
        return walk(page, lambda raw, rank: read(which, raw, rank), size=size, max_pages=pages)

    asks, bids = side(Side.ASK), side(Side.BID)
    if not asks.ads and not bids.ads:
        raise EmptyBook(_("Nobody advertises in this market now."))
    reasons = [f"ask:{r}" for r in asks.dropped] + [f"bid:{r}" for r in bids.dropped]
    return Book(
        venue=visit.venue,
        pair=visit.pair,
        asks=asks.ads,
        bids=bids.ads,
        taken_at=last[0].taken_at,
        server_time=last[0].server_time,
        whole=asks.whole and bids.whole and not bounded,
        dropped=counted(reasons),
    )
