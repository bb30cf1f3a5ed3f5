"""Binance P2P: the endpoints Binance publishes for programs, without a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from analytics.venues.adapters.binance_p2p import ASKED, check_envelope, methods
from analytics.venues.book import Ad, Book, Side, SideQuote, VenueQuote
from analytics.venues.errors import WrongMarket
from analytics.venues.fetch.client import Reply
from analytics.venues.fetch.pages import Page
from analytics.venues.listing import list_book
from analytics.venues.options import BookOptions
from analytics.venues.reading import (
    amount,
    at,
    count,
    fraction,
    identifier,
    items,
    maybe,
    part,
    price,
    same,
)
from analytics.venues.registry import VenueSpec, Visit, register
from analytics.venues.texts import Text as _

URL = "https://www.binance.com"
PATH = "/bapi/c2c/v1/public/c2c/agent"
LIMIT = 20


@dataclass(frozen=True, kw_only=True)
class AgentOptions(BookOptions):
    pass


def book(visit: Visit[AgentOptions]) -> Book:
    """The first 20 ads of each side: the endpoint has no pages, so the book is never whole."""
    found = list_book(
        visit,
        lambda side, number: _page(visit, side),
        lambda side, raw, rank: _read(visit, side, raw, rank),
        size=LIMIT,
        bounded=True,
    )
    for side in Side:
        _check_order(side, [ad.price for ad in found.side(side)])
    return found


def _check_order(side: Side, prices: list[Decimal]) -> None:
    """The ads do not say their side, but the best stands first. Raises WrongMarket."""
    falling = len(prices) > 2 and all(side.better(b, a) or a == b for a, b in pairwise(prices))
    if falling and prices[0] != prices[-1]:
        raise WrongMarket(
            _("Binance listed the worst ads first: this is not the side that was asked for."),
            fields={"tradeType": _("is the other side")},
        )


def quote(visit: Visit[AgentOptions]) -> VenueQuote:
    """Binance's own price of each side; how it is made is not said."""
    sides: dict[Side, SideQuote] = {}
    for side in Side:
        reply = _ask(visit, "/quote-price", side)
        data = at(reply.data, "data")
        same(at(data, "asset"), visit.pair.asset, "data.asset")
        same(at(data, "fiat"), visit.pair.fiat, "data.fiat")
        sides[side] = SideQuote(price=price(at(data, "price"), "data.price"))
    return VenueQuote(
        venue=visit.venue,
        pair=visit.pair,
        taken_at=reply.taken_at,
        server_time=reply.server_time,
        method="venue_quote",
        ask=sides[Side.ASK],
        bid=sides[Side.BID],
    )


def _ask(visit: Visit[AgentOptions], path: str, side: Side, **more: Any) -> Reply:
    params = {"fiat": visit.pair.fiat, "asset": visit.pair.asset, "tradeType": ASKED[side], **more}
    reply = visit.client.get(visit.url(URL, PATH + path), params)
    check_envelope(reply.data)
    return reply


def _page(visit: Visit[AgentOptions], side: Side) -> tuple[Reply, Page]:
    more: dict[str, Any] = {"limit": LIMIT}
    if visit.options.payments:
        more["tradeMethodIdentifiers"] = list(visit.options.payments)
    reply = _ask(visit, "/ad-list", side, **more)
    data = at(reply.data, "data")
    # Seen in both shapes: a list, and a list called items.
    found = data if isinstance(data, list) else items(data, "items")
    return reply, Page(found)


def _read(visit: Visit[AgentOptions], side: Side, raw: Mapping[str, Any], rank: int) -> Ad:
    person = part(raw, "advertiser")
    same(at(raw, "fiat"), visit.pair.fiat, "fiat")
    same(at(raw, "asset"), visit.pair.asset, "asset")
    who = person.get("userNo") or at(person, "nickName")
    return Ad(
        side=side,
        price=price(at(raw, "price"), "price"),
        quantity=amount(at(raw, "tradableAmount"), "tradableAmount"),
        min_order=maybe(raw, "minTransAmount"),
        max_order=maybe(raw, "maxTransAmount"),
        payment_methods=methods(at(raw, "tradeMethods"), "tradeMethods"),
        completion=maybe(person, "monthFinishRate", fraction),
        orders=maybe(person, "monthOrderCount", count),
        merchant=person.get("userType") == "merchant",
        advertiser_hash=visit.identities.advertiser(visit.venue, identifier(who, "advertiser")),
        ad_hash=visit.identities.ad(visit.venue, identifier(at(raw, "adNo"), "adNo")),
        rank=rank,
    )


register(
    VenueSpec(
        name="binance_agent",
        title="Binance P2P (published endpoints)",
        options=AgentOptions,
        book=book,
        quote=quote,
        sides={Side.ASK: "tradeType BUY", Side.BID: "tradeType SELL"},
        interval=1.0,
        request=f"GET {URL}{PATH}/{{ad-list,quote-price}}, the first 20 ads of a side",
        fields="data.items[]: price, tradableAmount, min/maxTransAmount, tradeMethods, advertiser; "
        "data.price",
        terms=_("Published by Binance for programs, no key; the terms grant personal use."),
    )
)
