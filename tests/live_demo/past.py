"""What a market's collector would have stored before the demo began: the ads that the market played
at past moments, condensed as those of a live reading are (a test compares them with readings)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from analytics.venues.book import Ad, Book, Pair, Side
from analytics.venues.quoting.condense import quote_book
from tests.playing.market import PlayedMarket
from tests.venue_server import markets


def past_quotes(
    venue: str, pair: Pair, *, rows: int, minutes: int, until: dt.datetime
) -> Iterator[dict[str, Any]]:
    """Quotes `minutes` apart, the last one so long before `until`, as they are posted."""
    market = next(m for m in markets() if (m.asset, m.fiat) == (pair.asset, pair.fiat))
    for back in range(rows, 0, -1):
        at = until - back * dt.timedelta(minutes=minutes)
        yield quote_at(market, venue, at)


def quote_at(market: PlayedMarket, venue: str, at: dt.datetime) -> dict[str, Any]:
    """The quote of that moment: timestamp and the known figures."""
    book = Book(
        venue=venue,
        pair=Pair(market.asset, market.fiat),
        asks=_ads(market, Side.ASK, at),
        bids=_ads(market, Side.BID, at),
        taken_at=at,
    )
    figures = quote_book(book).figures()
    del figures["timestamp"]
    known = {name: float(value) for name, value in figures.items() if value is not None}
    return {"timestamp": at.isoformat(), **known}


def _ads(market: PlayedMarket, side: Side, at: dt.datetime) -> tuple[Ad, ...]:
    return tuple(
        Ad(
            side=side,
            price=Decimal(str(ad.price)),
            quantity=Decimal(str(ad.quantity)),
            min_order=Decimal(str(ad.low)),
            max_order=Decimal(str(ad.high)),
            payment_methods=ad.methods,
            completion=Decimal(str(ad.rate)),
            orders=ad.orders,
            merchant=ad.merchant,
            advertiser_hash=ad.user,
            ad_hash=ad.number,
            rank=rank,
        )
        for rank, ad in enumerate(market.side(side, at))
    )
