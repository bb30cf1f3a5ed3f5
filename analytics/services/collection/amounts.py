"""The price for an amount out of a market's kept books, and how it moved."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.models import Market
from analytics.selectors.collection import books_of
from analytics.services.collection.books import book_age, book_at, book_read
from analytics.venue_words import told
from analytics.venues.book import Book
from analytics.venues.price import AdOrder, AmountPrice, price_for_amount

DAY = dt.timedelta(hours=24)
#: Moments of the last day at which the same amount is priced again; each costs some 10 ms.
MOMENTS = 12


def amount_price(
    *,
    market: Market,
    side: str,
    amount: Decimal,
    now: dt.datetime,
    currency: str = "fiat",
    payment: str = "",
    min_completion: Decimal | None = None,
) -> dict[str, Any]:
    """What a person would really pay or get for the amount in the latest book, the ads used
    (identities hashed), and the same at moments of the last 24 hours. An answer from a book that is
    too old to be an offer says `stale`. Raises NotReady (no_book), InvalidInput."""
    wanted = {
        "direction": side,
        "amount": amount,
        "currency": currency,
        "payment": payment,
        "min_completion": min_completion,
    }
    book = book_at(market)
    found = _priced(book, wanted)
    return {
        "market": market.symbol,
        "venue": book.venue,
        "side": side,
        **book_age(book, now=now),
        **_figures(found),
        "orders": [_order(order) for order in found.orders],
        "day": _day(market, book, found, wanted),
    }


def _priced(book: Book, wanted: dict[str, Any]) -> AmountPrice:
    try:
        return price_for_amount(book, **wanted)
    except InvalidInput as error:
        raise InvalidInput(
            _("This amount cannot be priced."), error.code, told(error.fields)
        ) from error


def price_of(book: Book, wanted: Any) -> float | None:
    """The price of a whole amount in a book, None where the book cannot fill it; `wanted` has side,
    amount, currency and payment. Raises InvalidInput."""
    asked = {
        "direction": wanted.side,
        "amount": wanted.amount,
        "currency": wanted.currency,
        "payment": wanted.payment,
        "min_completion": None,
    }
    return _whole_price(_priced(book, asked))


def _figures(found: AmountPrice) -> dict[str, Any]:
    return {
        "currency": str(found.currency),
        "amount": float(found.amount),
        "filled": float(found.filled),
        "remainder": float(found.remainder),
        "complete": found.complete,
        "fiat": float(found.fiat),
        "asset": float(found.asset),
        "price": _number(found.price),
        "best": _number(found.best),
        "slippage": _number(found.slippage),
        "least": _number(found.least),
        "most": float(found.most),
        "proven": found.proven,
        "dropped": dict(found.dropped),
    }


def _order(order: AdOrder) -> dict[str, Any]:
    return {
        "ad": order.ad_hash,
        "advertiser": order.advertiser_hash,
        "price": float(order.price),
        "fiat": float(order.fiat),
        "asset": float(order.asset),
        "payment_methods": list(order.payment_methods),
    }


def _day(market: Market, last: Book, found: AmountPrice, wanted: dict[str, Any]) -> dict[str, Any]:
    """The same amount in kept books of the 24 hours before the latest: at most MOMENTS of them, the
    first among them. `change` is against the earliest that could be filled in full."""
    until = last.taken_at - dt.timedelta(microseconds=1)
    rows = books_of(market, since=last.taken_at - DAY, until=until).order_by("taken_at")
    moments = list(rows.values_list("pk", flat=True))
    chosen = moments[:: -(-len(moments) // MOMENTS) or 1]
    points = [
        (row.taken_at, _whole_price(_priced(book_read(row), wanted)))
        for row in rows.filter(pk__in=chosen)
    ]
    first = next((price for _at, price in points if price is not None), None)
    now = _whole_price(found)
    return {
        "points": [{"at": at, "price": price} for at, price in points],
        "change": None if first is None or now is None else round(now / first - 1, 8),
    }


def _whole_price(found: AmountPrice) -> float | None:
    """The price where all of the amount is filled: prices of parts are not comparable."""
    return _number(found.price) if found.complete else None


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
