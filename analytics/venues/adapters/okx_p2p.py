"""OKX P2P: the books behind its web page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analytics.venues.adapters.binance_p2p import methods
from analytics.venues.book import Ad, Book, Side
from analytics.venues.errors import VenueError, WrongMarket, safe_code
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

URL = "https://www.okx.com"
PATH = "/v3/c2c/tradingOrders/books"
SIZE = 100
#: The advertiser's side, both in the request and in the answer.
ASKED = {Side.ASK: "sell", Side.BID: "buy"}


@dataclass(frozen=True, kw_only=True)
class OkxOptions(BookOptions):
    pass


def book(visit: Visit[OkxOptions]) -> Book:
    return list_book(
        visit,
        lambda side, number: _page(visit, side, number),
        lambda side, raw, rank: _read(visit, side, raw, rank),
        size=SIZE,
    )


def _page(visit: Visit[OkxOptions], side: Side, number: int) -> tuple[Reply, Page]:
    payments = visit.options.payments
    params = {
        "quoteCurrency": visit.pair.fiat.lower(),
        "baseCurrency": visit.pair.asset.lower(),
        "side": ASKED[side],
        # One method is asked for; several are sorted out here.
        "paymentMethod": payments[0] if len(payments) == 1 else "all",
        "userType": "certified" if visit.options.merchants_only else "all",
        "showTrade": "false",
        "showFollow": "false",
        "showAlreadyTraded": "false",
        "isAbleFilter": "false",
        "currentPage": number,
        "numberPerPage": SIZE,
    }
    reply = visit.client.get(visit.url(URL, PATH), params)
    code = at(reply.data, "code")
    if str(code) != "0":
        raise VenueError(_("OKX answered with its error code %(code)s.", code=safe_code(code)))
    data = part(reply.data, "data")
    found = items(data, ASKED[side])
    if not found and data.get(ASKED[side.other]):
        raise WrongMarket(
            _("OKX answered with the other side of the book."),
            fields={"side": _("is the other side")},
        )
    return reply, Page(found, maybe(data, "total", count))


def _read(visit: Visit[OkxOptions], side: Side, raw: Mapping[str, Any], rank: int) -> Ad:
    for name, wanted in (
        ("baseCurrency", visit.pair.asset),
        ("quoteCurrency", visit.pair.fiat),
        ("side", ASKED[side]),
    ):
        if raw.get(name) is not None:
            same(raw[name], wanted, name)
    who = raw.get("publicUserId") or raw.get("merchantId") or at(raw, "nickName")
    online = raw.get("onLine")
    return Ad(
        side=side,
        price=price(at(raw, "price"), "price"),
        quantity=amount(at(raw, "availableAmount"), "availableAmount"),
        min_order=maybe(raw, "quoteMinAmountPerOrder"),
        max_order=maybe(raw, "quoteMaxAmountPerOrder"),
        payment_methods=methods(at(raw, "paymentMethods"), "paymentMethods"),
        completion=maybe(raw, "completedRate", fraction),
        orders=maybe(raw, "completedOrderQuantity", count),
        merchant=str(raw.get("creatorType", "")) in ("certified", "diamond"),
        online=online if isinstance(online, bool) else None,
        advertiser_hash=visit.identities.advertiser(visit.venue, identifier(who, "advertiser")),
        ad_hash=visit.identities.ad(visit.venue, identifier(at(raw, "id"), "id")),
        rank=rank,
    )


register(
    VenueSpec(
        name="okx_p2p",
        title="OKX P2P",
        options=OkxOptions,
        book=book,
        sides={Side.ASK: "side=sell, list data.sell", Side.BID: "side=buy, list data.buy"},
        interval=1.5,
        request=f"GET {URL}{PATH}, 100 ads a page asked for",
        fields="data.sell[]/buy[]: price, availableAmount, quoteMin/MaxAmountPerOrder, "
        "completedRate, completedOrderQuantity, paymentMethods; data.total",
        terms=_("Not a published interface; the terms grant personal use."),
    )
)
