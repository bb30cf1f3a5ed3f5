"""What a quote is made of, declared once: `QUOTE_SCHEMA`.

The model's fields, the readers of files, the serializers, the tables of the documents and the
simulated market derive from it. Only the standard library is used here: who needs the name of a
column must load neither numpy nor torch.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a figure is. Prices and VWAPs are above zero, volumes and counts not below it."""

    PRICE = "price"
    VWAP = "vwap"
    VOLUME = "volume"
    COUNT = "count"


_UNITS = {
    Kind.PRICE: "fiat per asset",
    Kind.VWAP: "fiat per asset",
    Kind.VOLUME: "asset",
    Kind.COUNT: "offers",
}
#: What a figure that is known must lie between: SHIB in bitcoin and the old Turkish lira have room.
PRICE_RANGE = (1e-12, 1e12)
_RANGES = {
    Kind.PRICE: PRICE_RANGE,
    Kind.VWAP: PRICE_RANGE,
    Kind.VOLUME: (0.0, 1e20),
    Kind.COUNT: (0.0, 2.0**31 - 1),
}


@dataclass(frozen=True, kw_only=True)
class QuoteColumn:
    """One figure of a quote. `side` is "bid" (what advertisers pay), "ask" (what they want) or
    None; `help` says in a sentence what it is; `aliases` are other names of it in files, the first
    one being what collectors write; `example` is a value that it may have."""

    name: str
    kind: Kind
    side: str | None
    help: str
    example: float
    aliases: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """What its figures are measured in."""
        return _UNITS[self.kind]

    @property
    def whole(self) -> bool:
        """Whether it is counted, and so a whole number."""
        return self.kind is Kind.COUNT

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest figure that is believed."""
        return _RANGES[self.kind]

    @property
    def positive(self) -> bool:
        """Whether it must be above zero where it is known."""
        return self.kind in (Kind.PRICE, Kind.VWAP)

    @property
    def file_name(self) -> str:
        """Its name in the header of a file that a collector wrote."""
        return self.aliases[0] if self.aliases else self.name


#: In the order in which every face shows them.
QUOTE_SCHEMA = (
    QuoteColumn(
        name="bid",
        kind=Kind.PRICE,
        side="bid",
        help="The best price that advertisers pay.",
        example=9.3,
        aliases=("bid_price",),
    ),
    QuoteColumn(
        name="ask",
        kind=Kind.PRICE,
        side="ask",
        help="The best price that advertisers want.",
        example=9.35,
        aliases=("ask_price",),
    ),
    QuoteColumn(
        name="bid_vwap",
        kind=Kind.VWAP,
        side="bid",
        help="Mean price of the bids, weighted by volume.",
        example=9.27,
    ),
    QuoteColumn(
        name="ask_vwap",
        kind=Kind.VWAP,
        side="ask",
        help="Mean price of the asks, weighted by volume.",
        example=9.41,
    ),
    QuoteColumn(
        name="bid_volume",
        kind=Kind.VOLUME,
        side="bid",
        help="What the bids together would buy.",
        example=18250.5,
    ),
    QuoteColumn(
        name="ask_volume",
        kind=Kind.VOLUME,
        side="ask",
        help="What the asks together would sell.",
        example=24310.0,
    ),
    QuoteColumn(
        name="bid_offers",
        kind=Kind.COUNT,
        side="bid",
        help="How many bids there are.",
        example=42,
    ),
    QuoteColumn(
        name="ask_offers",
        kind=Kind.COUNT,
        side="ask",
        help="How many asks there are.",
        example=57,
    ),
    QuoteColumn(
        name="price",
        kind=Kind.PRICE,
        side=None,
        help="A price without a side: the close of a candle, a plain value.",
        example=9.32,
        aliases=("close", "value"),
    ),
    QuoteColumn(
        name="volume",
        kind=Kind.VOLUME,
        side=None,
        help="What was traded at the price without a side.",
        example=1200.0,
    ),
)


SIDES = ("bid", "ask")  # also the names of their best prices


def column_names(*kinds: Kind, sides: tuple[str | None, ...] = (*SIDES, None)) -> list[str]:
    """Names of the columns of these kinds (of every kind without any) and of these sides."""
    return [
        column.name
        for column in QUOTE_SCHEMA
        if column.kind in (kinds or Kind) and column.side in sides
    ]


QUOTE_COLUMNS = tuple(column_names())
PRICE_COLUMNS = tuple(column_names(Kind.PRICE))
VOLUME_COLUMNS = tuple(column_names(Kind.VOLUME))
SIZE_COLUMNS = tuple(column_names(Kind.VOLUME, Kind.COUNT))

#: Minutes, and steps of the grid, after which the last quote no longer speaks for now: whatever is
#: longer.
STALE_MINUTES, STALE_STEPS = 180, 6


def staleness_limit(step_minutes: int) -> int:
    """Minutes after which a quote is too old to speak for now on a grid of that step."""
    return max(STALE_MINUTES, STALE_STEPS * step_minutes)


def fillable_rows(first: dt.datetime, last: dt.datetime, *, quotes: int, step_minutes: int) -> int:
    """Most rows of a grid that so many quotes from `first` to `last` can fill: a quote stands for
    STALE_STEPS rows before it is too old."""
    rows = int((last - first).total_seconds() // (60 * step_minutes)) + 1
    return min(rows, STALE_STEPS * quotes)
