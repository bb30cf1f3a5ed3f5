"""The price for an amount: what a person would really pay or get in this book now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from enum import StrEnum
from typing import Any

from analytics.venues.book import Ad, Book, Pair, Side, counted
from analytics.venues.errors import BadVenueConfig
from analytics.venues.quoting.cleaning import DEFAULT_RULES, CleanRules, capacity, clean
from analytics.venues.search import ZERO, Piece, best_filling
from analytics.venues.texts import Text as _

#: Nobody places more orders than this for one amount.
MOST_ORDERS = 8
#: Ten digits of a mean price: more would show the rounding of the asset.
SHOWN = Context(prec=10)
FIAT_STEP, ASSET_STEP = Decimal("0.01"), Decimal("1e-8")


class Direction(StrEnum):
    """What the person does: buys the asset (from asks) or sells it (to bids)."""

    BUY = "buy"
    SELL = "sell"

    @property
    def side(self) -> Side:
        return Side.ASK if self is Direction.BUY else Side.BID


class Currency(StrEnum):
    """What the amount is counted in."""

    FIAT = "fiat"
    ASSET = "asset"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdOrder:
    """One order: one ad, taken once. `fiat` and `asset` change hands."""

    ad_hash: str
    advertiser_hash: str
    price: Decimal
    fiat: Decimal
    asset: Decimal
    payment_methods: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountPrice:
    """What an amount costs or brings. `filled` and `remainder` are in the amount's currency and add
    up to it; `price` is fiat per asset over all orders (None: nothing could be filled); `slippage`
    is how much worse that is than `best`, the best usable price, as a fraction; `proven` says that
    no better set of orders exists. `least` and `most` (fiat) say what this book takes in one order
    at least and in all orders at most."""

    direction: Direction
    currency: Currency
    amount: Decimal
    pair: Pair
    taken_at: dt.datetime
    filled: Decimal
    remainder: Decimal
    fiat: Decimal
    asset: Decimal
    price: Decimal | None
    best: Decimal | None
    slippage: Decimal | None
    orders: tuple[AdOrder, ...]
    proven: bool
    least: Decimal | None
    most: Decimal
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.remainder == 0


def price_for_amount(
    book: Book,
    direction: str,
    amount: Decimal,
    currency: str = Currency.FIAT,
    *,
    payment: str | Sequence[str] = (),
    min_completion: Decimal | None = None,
    rules: CleanRules = DEFAULT_RULES,
    max_orders: int = MOST_ORDERS,
) -> AmountPrice:
    """The best orders for an amount, at most `max_orders`, each ad at most once and within its
    limits (search.py says how, and why not simply from the best price down).

    An amount that is *given* (fiat to buy with, asset to sell) brings as much as it can; what could
    only be used badly stays. An amount that is *wanted* (asset to buy, fiat to get) is filled as
    far as it can be, then for the least. Bait and the like are dropped first, by `rules`.

    Raises BadVenueConfig, naming the input."""
    doing, unit, amount = _checked(direction, currency, amount, max_orders)
    ads, reasons = clean(book.side(doing.side), _wishes(rules, payment, min_completion))
    wanted = (doing is Direction.BUY) == (unit is Currency.ASSET)
    pieces = [_piece(ad, doing, unit, wanted) for ad in ads]
    filling = best_filling(pieces, amount, most_orders=max_orders, exact=wanted)
    used = [(ad, u) for ad, u in zip(ads, filling.units, strict=True) if u is not None]
    orders = [_order(ad, units, doing, unit) for ad, units in used]
    return AmountPrice(
        direction=doing,
        currency=unit,
        amount=amount,
        pair=book.pair,
        taken_at=book.taken_at,
        filled=filling.filled,
        remainder=amount - filling.filled,
        orders=tuple(orders),
        proven=filling.proven,
        dropped=counted(reasons),
        **_totals(orders, ads, doing, max_orders),
    )


def _wishes(
    rules: CleanRules, payment: str | Sequence[str], min_completion: Decimal | None
) -> CleanRules:
    names = (payment,) if isinstance(payment, str) and payment else tuple(payment)
    least = rules.min_completion if min_completion is None else min_completion
    return replace(rules, payments=names or rules.payments, min_completion=least)


def _totals(
    orders: Sequence[AdOrder], ads: Sequence[Ad], doing: Direction, max_orders: int
) -> dict[str, Any]:
    """The figures over all orders, beside what the usable ads (best first) offer."""
    fiat = sum((order.fiat for order in orders), ZERO)
    asset = sum((order.asset for order in orders), ZERO)
    price, best = (fiat / asset if asset else None), (ads[0].price if ads else None)
    return {
        "fiat": fiat,
        "asset": asset,
        "price": SHOWN.plus(price) if price is not None else None,
        "best": best,
        "slippage": _slippage(price, best, doing),
        "least": min((ad.min_order or ZERO for ad in ads), default=None),
        "most": sum(sorted((capacity(ad) for ad in ads), reverse=True)[:max_orders], ZERO),
    }


def _checked(
    direction: str, currency: str, amount: Decimal, max_orders: int
) -> tuple[Direction, Currency, Decimal]:
    problems = {}
    if direction not in set(Direction):
        problems["side"] = _("must be buy or sell")
    if currency not in set(Currency):
        problems["currency"] = _("must be fiat or asset")
    if not amount.is_finite() or not 0 < amount < Decimal("1e15"):
        problems["amount"] = _("must be a number above zero")
    if not 1 <= max_orders <= 50:
        problems["max_orders"] = _("must be between %(low)s and %(high)s", low=1, high=50)
    if problems:
        raise BadVenueConfig(_("This amount cannot be priced."), fields=problems)
    return Direction(direction), Currency(currency), amount


def _piece(ad: Ad, doing: Direction, unit: Currency, wanted: bool) -> Piece:
    """An ad's limits in the amount's unit, and what a unit of it is worth to the person: what is
    got for it where it is given, minus what it costs where it is wanted."""
    low, high = ad.min_order or ZERO, capacity(ad).quantize(FIAT_STEP, ROUND_FLOOR)
    if unit is Currency.FIAT:
        per_unit = 1 / ad.price
    else:
        low = (low / ad.price).quantize(ASSET_STEP, ROUND_CEILING)
        high = (high / ad.price).quantize(ASSET_STEP, ROUND_FLOOR)
        per_unit = ad.price
    return Piece(low, high, -per_unit if wanted else per_unit)


def _order(ad: Ad, units: Decimal, doing: Direction, unit: Currency) -> AdOrder:
    """The other currency is rounded against the person: never better than the ad's price."""
    if unit is Currency.FIAT:
        rounding = ROUND_FLOOR if doing is Direction.BUY else ROUND_CEILING
        fiat, asset = units, (units / ad.price).quantize(ASSET_STEP, rounding)
    else:
        fiat, asset = units * ad.price, units
    return AdOrder(
        ad_hash=ad.ad_hash,
        advertiser_hash=ad.advertiser_hash,
        price=ad.price,
        fiat=fiat,
        asset=asset,
        payment_methods=ad.payment_methods,
    )


def _slippage(price: Decimal | None, best: Decimal | None, doing: Direction) -> Decimal | None:
    if price is None or best is None:
        return None
    worse = price / best - 1 if doing is Direction.BUY else 1 - price / best
    return worse.quantize(Decimal("1e-8"))
