"""A book in few bytes, and its depth per payment method."""

from __future__ import annotations

import datetime as dt
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from analytics.venues.book import Ad, Book, Pair, Side
from analytics.venues.errors import BrokenBook
from analytics.venues.quoting.cleaning import DEFAULT_RULES, CleanRules, best_first, capacity, clean

FORMAT = 1
#: The name under which all ads of a side stand, whatever they are paid with.
ALL = ""
_MOST_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Level:
    """All ads at one price: quantity (asset), what they take now (fiat), and how many they are."""

    price: Decimal
    quantity: Decimal
    fiat: Decimal
    offers: int


def depth(
    book: Book, side: Side, rules: CleanRules = DEFAULT_RULES
) -> dict[str, tuple[Level, ...]]:
    """Levels of a side, best price first, per payment method and for ALL. An ad that takes several
    methods stands under each of them, and once under ALL."""
    kept, _ = clean(book.side(side), rules)
    groups: dict[str, list[Ad]] = defaultdict(list)
    groups[ALL] = list(kept)
    for ad in kept:
        for name in ad.payment_methods:
            groups[name].append(ad)
    return {name: _levels(ads) for name, ads in groups.items()}


def _levels(ads: Iterable[Ad]) -> tuple[Level, ...]:
    by_price: dict[Decimal, list[Ad]] = defaultdict(list)
    for ad in best_first(ads):
        by_price[ad.price].append(ad)
    return tuple(
        Level(
            price,
            sum((ad.quantity for ad in group), Decimal(0)),
            sum((capacity(ad) for ad in group), Decimal(0)),
            len(group),
        )
        for price, group in by_price.items()
    )


# ------------------------------------------------------------------------------- in few bytes
#: Columns of an ad as they are stored, and how a value is written; the two tables besides.
_FIGURES = ("price", "quantity", "min_order", "max_order", "completion")
_FLAGS = ("merchant", "promoted", "online")


def pack_book(book: Book) -> bytes:
    """The book as deflated JSON in columns; `unpack_book` gives back exactly the same book."""
    ads = (*book.asks, *book.bids)
    people = list(dict.fromkeys(ad.advertiser_hash for ad in ads))
    methods = list(dict.fromkeys(name for ad in ads for name in ad.payment_methods))
    columns: dict[str, list[Any]] = {
        name: [_written(getattr(ad, name)) for ad in ads] for name in _FIGURES
    }
    columns |= {name: [_flag(getattr(ad, name)) for ad in ads] for name in _FLAGS}
    columns["orders"] = [ad.orders for ad in ads]
    columns["rank"] = [ad.rank for ad in ads]
    columns["ad"] = [ad.ad_hash for ad in ads]
    columns["who"] = [people.index(ad.advertiser_hash) for ad in ads]
    columns["paid"] = [[methods.index(name) for name in ad.payment_methods] for ad in ads]
    content = {
        "format": FORMAT,
        "venue": book.venue,
        "pair": [book.pair.asset, book.pair.fiat],
        "taken_at": book.taken_at.isoformat(),
        "server_time": book.server_time.isoformat() if book.server_time else None,
        "whole": book.whole,
        "dropped": dict(book.dropped),
        "asks": len(book.asks),
        "people": people,
        "methods": methods,
        "ads": columns,
    }
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)


def unpack_book(data: bytes) -> Book:
    """The book that was packed. Raises BrokenBook."""
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(data, _MOST_BYTES)
        content = json.loads(text)
        if content["format"] == FORMAT and unpacker.eof:
            return _book(content)
        problem = f"This book is of format {content['format']}; {FORMAT} can be read."
    except (zlib.error, ValueError, LookupError, TypeError, ArithmeticError):
        problem = "These bytes are no stored book."
    raise BrokenBook(problem)


def _book(content: Mapping[str, Any]) -> Book:
    columns, people, methods = content["ads"], content["people"], content["methods"]
    asks = content["asks"]
    ads = [
        Ad(
            side=Side.ASK if i < asks else Side.BID,
            **{name: _read(columns[name][i]) for name in _FIGURES},
            **{name: _unflag(columns[name][i]) for name in _FLAGS},
            orders=columns["orders"][i],
            rank=columns["rank"][i],
            ad_hash=columns["ad"][i],
            advertiser_hash=people[columns["who"][i]],
            payment_methods=tuple(methods[m] for m in columns["paid"][i]),
        )
        for i in range(len(columns["ad"]))
    ]
    sent = content["server_time"]
    return Book(
        venue=content["venue"],
        pair=Pair(*content["pair"]),
        asks=tuple(ads[:asks]),
        bids=tuple(ads[asks:]),
        taken_at=dt.datetime.fromisoformat(content["taken_at"]),
        server_time=dt.datetime.fromisoformat(sent) if sent else None,
        whole=content["whole"],
        dropped=content["dropped"],
    )


def _written(figure: Decimal | None) -> str | None:
    return None if figure is None else str(figure)


def _read(text: str | None) -> Any:
    return None if text is None else Decimal(text)


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _unflag(value: int | None) -> Any:
    return None if value is None else bool(value)
