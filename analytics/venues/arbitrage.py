"""Price differences a person could live on: across venues, and around a cycle of markets.

Pure functions of books and quotes. Nothing old counts: a price older than `max_age` is left out and
said to be. With books, prices are those for the amount (limits, several orders, slippage); a quote
knows no limits and stands for any amount, which the answer says (`assured` False).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from itertools import permutations

from analytics.venues.book import Book, Pair, VenueQuote
from analytics.venues.errors import BadVenueConfig
from analytics.venues.price import ASSET_STEP, FIAT_STEP, Direction, price_for_amount
from analytics.venues.texts import Text as _

MAX_AGE = dt.timedelta(minutes=10)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """What a trade or a transfer costs: `percent` of what is handed in (0.1 is a thousandth), and
    `fixed` in units of what comes out."""

    percent: Decimal = ZERO
    fixed: Decimal = ZERO

    def __post_init__(self) -> None:
        if not (0 <= self.percent < 100 and self.fixed >= 0):
            raise BadVenueConfig(
                _("Fees are a percentage from 0 to 100 and a fixed amount from 0."),
                fields={"fees": _("out of range")},
            )

    def before(self, amount: Decimal) -> Decimal:
        return amount * (1 - self.percent / 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Fees by venue of each trade, and of moving the asset to another venue (by the one it
    leaves); `trade` and `transfer` are those of venues that are not named."""

    trade: Fees = Fees()
    transfer: Fees = Fees()
    trade_at: Mapping[str, Fees] = field(default_factory=dict)
    transfer_from: Mapping[str, Fees] = field(default_factory=dict)

    def of_trade(self, venue: str) -> Fees:
        return self.trade_at.get(venue, self.trade)

    def of_transfer(self, leaving: str, entering: str) -> Fees:
        return Fees() if leaving == entering else self.transfer_from.get(leaving, self.transfer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One trade: at a venue, in a market, so much in for so much out, after fees. `assured` says
    that ads take exactly this amount, not that a quote knows a price."""

    venue: str
    pair: Pair
    direction: Direction
    given: Decimal
    got: Decimal
    price: Decimal
    taken_at: dt.datetime
    assured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Buy, move, sell. `profit` is in the fiat of the end; `gain` is the fraction of the start,
    where start and end are one fiat, else None. `rate` is the implied cross rate: units of the last
    fiat per unit of the first, all costs paid; `beats` is how much better that is than the rate it
    was compared with."""

    buy: Leg
    sell: Leg
    start: Decimal
    end: Decimal
    rate: Decimal
    gain: Decimal | None = None
    beats: Decimal | None = None

    @property
    def assured(self) -> bool:
        return self.buy.assured and self.sell.assured


Market = Book | VenueQuote


def fresh(
    markets: Iterable[Market], now: dt.datetime, max_age: dt.timedelta = MAX_AGE
) -> list[Market]:
    """Those taken at most `max_age` ago (and not in the future)."""
    return [m for m in markets if dt.timedelta(0) <= now - m.taken_at <= max_age]


def across_venues(
    markets: Iterable[Market],
    amount: Decimal,
    *,
    now: dt.datetime,
    costs: Costs = Costs(),
    max_age: dt.timedelta = MAX_AGE,
    least_gain: Decimal = ZERO,
) -> list[Chance]:
    """Buying for `amount` of fiat at one venue and selling at another, per asset and fiat; those
    that gain more than `least_gain` (a fraction), best first. One venue with itself counts too
    where its book is crossed."""
    found = []
    usable = fresh(markets, now, max_age)
    for one, two in _pairs(usable):
        if one.pair == two.pair and (chance := _chance(one, two, amount, costs)):
            gain = chance.end / chance.start - 1
            if gain > least_gain:
                found.append(_with(chance, gain=gain))
    return sorted(found, key=lambda chance: chance.gain or ZERO, reverse=True)


def cycles(
    markets: Iterable[Market],
    amounts: Mapping[str, Decimal],
    *,
    now: dt.datetime,
    rates: Mapping[tuple[str, str], Decimal] | None = None,
    costs: Costs = Costs(),
    max_age: dt.timedelta = MAX_AGE,
) -> list[Chance]:
    """fiat -> asset -> other fiat, for every two markets of one asset: the cross rate they imply
    for an amount (per first fiat; fiats without one are left out), compared with `rates` where
    given, (first, second) -> units of the second per unit of the first; best comparison first."""
    found = []
    usable = fresh(markets, now, max_age)
    for one, two in _pairs(usable):
        start = amounts.get(one.pair.fiat)
        if start is None or one.pair.asset != two.pair.asset or one.pair.fiat == two.pair.fiat:
            continue
        if chance := _chance(one, two, start, costs):
            known = (rates or {}).get((one.pair.fiat, two.pair.fiat))
            found.append(_with(chance, beats=chance.rate / known - 1 if known else None))
    return sorted(found, key=lambda c: (c.beats is not None, c.beats or ZERO), reverse=True)


def _pairs(markets: list[Market]) -> Iterator[tuple[Market, Market]]:
    yield from permutations(markets, 2)
    yield from ((market, market) for market in markets)


def _with(chance: Chance, gain: Decimal | None = None, beats: Decimal | None = None) -> Chance:
    return Chance(
        buy=chance.buy,
        sell=chance.sell,
        start=chance.start,
        end=chance.end,
        rate=chance.rate,
        gain=gain,
        beats=beats,
    )


def _chance(one: Market, two: Market, amount: Decimal, costs: Costs) -> Chance | None:
    """Buying at `one` for the amount and selling all of it at `two`; None where either cannot be
    done in full or nothing is left."""
    buy = _leg(one, Direction.BUY, amount, costs.of_trade(one.venue))
    if buy is None:
        return None
    moving = costs.of_transfer(one.venue, two.venue)
    moved = (moving.before(buy.got) - moving.fixed).quantize(ASSET_STEP, ROUND_FLOOR)
    sell = _leg(two, Direction.SELL, moved, costs.of_trade(two.venue)) if moved > 0 else None
    if sell is None:
        return None
    return Chance(buy=buy, sell=sell, start=amount, end=sell.got, rate=sell.got / amount)


def _leg(market: Market, doing: Direction, given: Decimal, fees: Fees) -> Leg | None:
    after = fees.before(given)
    traded = (
        _by_book(market, doing, after)
        if isinstance(market, Book)
        else _by_quote(market, doing, after)
    )
    if traded is None:
        return None
    step = ASSET_STEP if doing is Direction.BUY else FIAT_STEP
    got = (traded - fees.fixed).quantize(step, ROUND_FLOOR)
    if got <= 0:
        return None
    return Leg(
        venue=market.venue,
        pair=market.pair,
        direction=doing,
        given=given,
        got=got,
        price=after / traded if doing is Direction.BUY else traded / after,
        taken_at=market.taken_at,
        assured=isinstance(market, Book),
    )


def _by_book(book: Book, doing: Direction, given: Decimal) -> Decimal | None:
    """What comes out, where ads take all of it (up to a cent or the like)."""
    step = FIAT_STEP if doing is Direction.BUY else ASSET_STEP
    amount = given.quantize(step, ROUND_FLOOR)
    if amount <= 0:
        return None
    currency = "fiat" if doing is Direction.BUY else "asset"
    priced = price_for_amount(book, doing, amount, currency)
    if not priced.complete:
        return None
    return priced.asset if doing is Direction.BUY else priced.fiat


def _by_quote(quote: VenueQuote, doing: Direction, given: Decimal) -> Decimal | None:
    side = quote.side(doing.side)
    if side is None:
        return None
    price = side.total or side.price
    return given / price if doing is Direction.BUY else given * price
