"""Arbitrage out of what is collected: across venues of one pair, and around cycles of fiats."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from analytics.conf import conf
from analytics.models import Market
from analytics.selectors.collection import books_of, markets_beside, markets_of_fiat
from analytics.selectors.prices import market_freshness, price_list
from analytics.services.collection.books import book_read
from analytics.venues.arbitrage import Chance, Costs, Fees, Leg, across_venues, cycles, fresh
from analytics.venues.arbitrage import Market as Offer
from analytics.venues.book import Pair, SideQuote, VenueQuote

#: Never more chances than a person reads.
MOST = 50


def market_chances(
    *,
    market: Market,
    amount: Decimal,
    now: dt.datetime,
    trade_percent: Decimal = Decimal(0),
    transfer_percent: Decimal = Decimal(0),
    transfer_fixed: Decimal = Decimal(0),
) -> dict[str, Any]:
    """Gains from buying for `amount` of the market's fiat at one venue and selling at another, and
    the cross rates of cycles that begin in that fiat, after fees, for that amount. Only from books
    and quotes that are fresh (PRICE_MAX_AGE); `left_out` names markets that are not. Raises
    InvalidInput where fees make no sense."""
    costs = Costs(
        trade=Fees(percent=trade_percent),
        transfer=Fees(percent=transfer_percent, fixed=transfer_fixed),
    )
    max_age = dt.timedelta(seconds=conf().PRICE_MAX_AGE)
    fiat = _pair(market).fiat
    offers = {beside: offer for beside in markets_beside(market) if (offer := offer_of(beside))}
    usable = {beside: offer for beside, offer in offers.items() if fresh([offer], now, max_age)}
    same = [offer for offer in usable.values() if offer.pair.fiat == fiat]
    rates = _rates(fiat, now, max_age)
    across = across_venues(same, amount, now=now, max_age=max_age, costs=costs)
    around = cycles(
        usable.values(), {fiat: amount}, now=now, rates=rates, max_age=max_age, costs=costs
    )
    return {
        "market": market.symbol,
        "amount": float(amount),
        "fiat": fiat,
        "as_of": now,
        "max_age_seconds": conf().PRICE_MAX_AGE,
        "across": [_described(chance) for chance in across[:MOST]],
        "cycles": [_described(chance) for chance in around[:MOST]],
        "left_out": [beside.symbol for beside in offers if beside not in usable],
    }


def offer_of(market: Market) -> Offer | None:
    """The market's latest book, or its latest quote where that is newer or no book is kept."""
    row = books_of(market).first()
    last = market_freshness(market)["last_quote_at"]
    if row is not None and (last is None or row.taken_at >= last):
        return book_read(row)
    return _last_quote(market)


def _last_quote(market: Market) -> VenueQuote | None:
    fields = ("timestamp", "ask", "bid", "price")
    row = price_list().filter(market=market).values(*fields).first()
    if row is None:
        return None
    # Exactly what was quoted: a double prints it back.
    exact = {name: None if row[name] is None else Decimal(repr(row[name])) for name in fields[1:]}
    ask, bid = (p if p is None else SideQuote(price=p) for p in (exact["ask"], exact["bid"]))
    return VenueQuote(
        venue=market.exchange,
        pair=_pair(market),
        taken_at=row["timestamp"],
        method="stored",
        ask=ask,
        bid=bid,
        price=exact["price"],
    )


def _pair(market: Market) -> Pair:
    return Pair(market.asset, market.fiat)


def _rates(fiat: str, now: dt.datetime, max_age: dt.timedelta) -> dict[tuple[str, str], Decimal]:
    """What cycles are compared with: fresh mids of collected markets of one fiat against another
    (USD/VES of an aggregator, say), both ways round."""
    rates = {}
    for market in markets_of_fiat(fiat):
        quote = _last_quote(market)
        if quote is None or quote.mid is None or not fresh([quote], now, max_age):
            continue
        if quote.pair.asset == fiat:
            rates[fiat, quote.pair.fiat] = quote.mid
        else:
            rates[fiat, quote.pair.asset] = 1 / quote.mid
    return rates


def _described(chance: Chance) -> dict[str, Any]:
    return {
        "start": float(chance.start),
        "end": float(chance.end),
        "rate": float(chance.rate),
        "gain": None if chance.gain is None else round(float(chance.gain), 8),
        "beats": None if chance.beats is None else round(float(chance.beats), 8),
        "assured": chance.assured,
        "buy": _leg(chance.buy),
        "sell": _leg(chance.sell),
    }


def _leg(leg: Leg) -> dict[str, Any]:
    return {
        "venue": leg.venue,
        "market": str(leg.pair),
        "given": float(leg.given),
        "got": float(leg.got),
        "price": float(leg.price),
        "as_of": leg.taken_at,
        "assured": leg.assured,
    }
