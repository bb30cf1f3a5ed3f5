"""Ads, books and quotes of a marketplace: frozen values without any name or account of a person.

An *ask* is an ad of somebody who sells the asset: you buy from it. A *bid* is an ad of somebody who
buys: you sell to it. Prices are units of fiat per unit of asset, quantities units of asset, limits
units of fiat; an unknown figure is None, never zero. Times are aware UTC.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from analytics.venues.errors import BadVenueConfig
from analytics.venues.texts import Text as _

_CODE = re.compile(r"[A-Z0-9_.\-]{1,20}")


class Side(StrEnum):
    ASK = "ask"
    BID = "bid"

    @property
    def other(self) -> Side:
        return Side.BID if self is Side.ASK else Side.ASK

    def better(self, one: Decimal, two: Decimal) -> bool:
        """Whether price `one` is better for the person who takes the ad than `two`."""
        return one < two if self is Side.ASK else one > two


@dataclass(frozen=True, slots=True)
class Pair:
    """An asset against a fiat currency, in capitals."""

    asset: str
    fiat: str

    def __post_init__(self) -> None:
        for name in ("asset", "fiat"):
            value = getattr(self, name).upper()
            if not _CODE.fullmatch(value):
                raise BadVenueConfig(
                    _("The %(name)s must be letters, digits, dot, dash or underscore.", name=name),
                    fields={name: _("not a currency code")},
                )
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return f"{self.asset}/{self.fiat}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ad:
    """One advertisement. `advertiser_hash` and `ad_hash` are keyed hashes (venues.identity);
    `rank` is the place in the venue's answer, from 0; `completion` is a fraction 0..1; `merchant`
    and `promoted` are what the venue says; `online` is None where it does not say."""

    side: Side
    price: Decimal
    quantity: Decimal
    min_order: Decimal | None = None
    max_order: Decimal | None = None
    payment_methods: tuple[str, ...] = ()
    completion: Decimal | None = None
    orders: int | None = None
    merchant: bool = False
    promoted: bool = False
    online: bool | None = None
    advertiser_hash: str
    ad_hash: str
    rank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Both sides of a market as a venue lists them, in its order. `dropped` counts what could not
    be kept while reading, by side and reason; `whole` is False where a bound ended the reading."""

    venue: str
    pair: Pair
    asks: tuple[Ad, ...]
    bids: tuple[Ad, ...]
    taken_at: dt.datetime
    server_time: dt.datetime | None = None
    whole: bool = True
    dropped: Mapping[str, int] = field(default_factory=dict)

    def side(self, side: Side) -> tuple[Ad, ...]:
        return self.asks if side is Side.ASK else self.bids


@dataclass(frozen=True, slots=True, kw_only=True)
class SideQuote:
    """One side condensed. `total` is the price with the venue's fees, where an aggregator says it;
    `concentration` is the largest advertiser's share of the volume, 0..1."""

    price: Decimal
    vwap: Decimal | None = None
    volume: Decimal | None = None
    offers: int | None = None
    concentration: Decimal | None = None
    total: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueQuote:
    """What one reading says. `price` is a price without a side (a reference, an average). `method`
    names how ads became a price; `notes` are short words on what to know of it; `dropped` counts
    the ads left out, as "ask:promoted" -> 3."""

    venue: str
    pair: Pair
    taken_at: dt.datetime
    method: str
    ask: SideQuote | None = None
    bid: SideQuote | None = None
    price: Decimal | None = None
    server_time: dt.datetime | None = None
    notes: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def mid(self) -> Decimal | None:
        """Mid of both sides, else the price without a side."""
        if self.ask is None or self.bid is None:
            return self.price
        return (self.ask.price + self.bid.price) / 2

    @property
    def crossed(self) -> bool:
        return self.ask is not None and self.bid is not None and self.bid.price > self.ask.price

    def side(self, side: Side) -> SideQuote | None:
        return self.ask if side is Side.ASK else self.bid

    def figures(self) -> dict[str, Any]:
        """The quote under the names of the stored figures (bid, ask_vwap, ...); None: unknown."""
        row: dict[str, Any] = {"timestamp": self.taken_at, "price": self.price}
        for name, quote in (("ask", self.ask), ("bid", self.bid)):
            row[name] = quote and quote.price
            for figure in ("vwap", "volume", "offers"):
                row[f"{name}_{figure}"] = getattr(quote, figure) if quote else None
        return row


def counted(reasons: Iterable[str]) -> dict[str, int]:
    """How often each reason occurs, in the alphabet's order."""
    return dict(sorted(Counter(reasons).items()))
