"""Binance P2P: the search behind its web page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from analytics.venues.book import Ad, Book, Side
from analytics.venues.errors import VenueError, safe_code
from analytics.venues.fetch.client import Reply
from analytics.venues.fetch.pages import Page
from analytics.venues.listing import list_book
from analytics.venues.options import BookOptions, option
from analytics.venues.reading import (
    amount,
    at,
    changed,
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

URL = "https://p2p.binance.com"
PATH = "/bapi/c2c/v2/friendly/c2c/adv/search"
ROWS = 20
#: What the request calls a side, and what the venue then writes into the ads: the mirror.
ASKED = {Side.ASK: "BUY", Side.BID: "SELL"}
WRITTEN = {Side.ASK: "SELL", Side.BID: "BUY"}


@dataclass(frozen=True, kw_only=True)
class BinanceOptions(BookOptions):
    amount: Decimal | None = option(
        None, help=_("Only ads that take an order of this much fiat; empty: all."), low=0, high=1e15
    )


def book(visit: Visit[BinanceOptions]) -> Book:
    return list_book(
        visit,
        lambda side, number: _page(visit, side, number),
        lambda side, raw, rank: read_ad(visit, side, raw, rank),
        size=ROWS,
    )


def _page(visit: Visit[BinanceOptions], side: Side, number: int) -> tuple[Reply, Page]:
    options = visit.options
    body: dict[str, Any] = {
        "asset": visit.pair.asset,
        "fiat": visit.pair.fiat,
        "tradeType": ASKED[side],
        "page": number,
        "rows": ROWS,
        "payTypes": list(options.payments),
        "countries": [],
        "periods": [],
        "publisherType": "merchant" if options.merchants_only else None,
        "proMerchantAds": False,
        "shieldMerchantAds": False,
        "filterType": "all",
        "additionalKycVerifyFilter": 0,
        "classifies": ["mass", "profession", "fiat_trade"],
    }
    if options.amount is not None:
        body["transAmount"] = str(options.amount)
    reply = visit.client.post(visit.url(URL, PATH), body)
    check_envelope(reply.data)
    return reply, Page(items(reply.data, "data"), maybe(reply.data, "total", count))


def check_envelope(data: Any) -> None:
    """Binance says in the body how it went. Raises VenueError, ShapeChanged."""
    code = at(data, "code")
    if code != "000000":
        raise VenueError(_("Binance answered with its error code %(code)s.", code=safe_code(code)))


def read_ad(visit: Visit[BinanceOptions], side: Side, raw: Mapping[str, Any], rank: int) -> Ad:
    adv, person = part(raw, "adv"), part(raw, "advertiser")
    same(at(adv, "asset"), visit.pair.asset, "adv.asset")
    same(at(adv, "fiatUnit"), visit.pair.fiat, "adv.fiatUnit")
    same(at(adv, "tradeType"), WRITTEN[side], "adv.tradeType")
    # What may be taken now is below what is on offer (running orders, the advertiser's balance).
    quantity = maybe(adv, "tradableQuantity")
    limits = (maybe(adv, "dynamicMaxSingleTransAmount"), maybe(adv, "maxSingleTransAmount"))
    known = [limit for limit in limits if limit]
    who, which = identifier(at(person, "userNo"), "userNo"), identifier(at(adv, "advNo"), "advNo")
    return Ad(
        side=side,
        price=price(at(adv, "price"), "adv.price"),
        quantity=quantity if quantity is not None else amount(at(adv, "surplusAmount"), "surplus"),
        min_order=maybe(adv, "minSingleTransAmount"),
        max_order=min(known) if known else None,
        payment_methods=methods(at(adv, "tradeMethods"), "adv.tradeMethods"),
        completion=maybe(person, "monthFinishRate", fraction),
        orders=maybe(person, "monthOrderCount", count),
        merchant=person.get("userType") == "merchant",
        promoted=raw.get("privilegeType") not in (None, ""),
        advertiser_hash=visit.identities.advertiser(visit.venue, who),
        ad_hash=visit.identities.ad(visit.venue, which),
        rank=rank,
    )


def methods(raw: Any, path: str) -> tuple[str, ...]:
    """Identifiers of payment methods, each once; the venue lists objects or plain names."""
    if not isinstance(raw, list):
        raise changed(path, _("a list"))
    names = []
    for entry in raw:
        name = entry
        if isinstance(entry, Mapping):
            name = entry.get("identifier") or entry.get("payType") or entry.get("tradeMethodName")
        if not isinstance(name, str) or not 0 < len(name) <= 60:
            raise changed(path, _("a list of payment methods"))
        names.append(name)
    return tuple(dict.fromkeys(names))


register(
    VenueSpec(
        name="binance_p2p",
        title="Binance P2P",
        options=BinanceOptions,
        book=book,
        sides={Side.ASK: "tradeType BUY (its ads say SELL)", Side.BID: "tradeType SELL (BUY)"},
        interval=0.7,
        request=f"POST {URL}{PATH}, 20 ads a page",
        fields="data[].adv: price, tradableQuantity, min/maxSingleTransAmount, tradeMethods; "
        "data[].advertiser: monthFinishRate, monthOrderCount, userType; privilegeType",
        terms=_("Not a published interface; the terms grant personal use."),
    )
)
