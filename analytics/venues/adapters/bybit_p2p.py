"""Bybit P2P: the search behind its web page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analytics.venues.book import Ad, Book, Side
from analytics.venues.errors import VenueError, safe_code
from analytics.venues.fetch.client import Reply
from analytics.venues.fetch.pages import Page
from analytics.venues.listing import list_book
from analytics.venues.options import BookOptions
from analytics.venues.reading import (
    amount,
    at,
    changed,
    count,
    identifier,
    items,
    maybe,
    part,
    percent,
    price,
    same,
)
from analytics.venues.registry import VenueSpec, Visit, register
from analytics.venues.texts import Text as _

URL = "https://api2.bybit.com"
PATH = "/fiat/otc/item/online"
SIZE = 20
#: What the request calls a side; the ads carry the same figure.
ASKED = {Side.ASK: "1", Side.BID: "0"}


@dataclass(frozen=True, kw_only=True)
class BybitOptions(BookOptions):
    """`payments` are Bybit's numbers of payment methods."""


def book(visit: Visit[BybitOptions]) -> Book:
    return list_book(
        visit,
        lambda side, number: _page(visit, side, number),
        lambda side, raw, rank: _read(visit, side, raw, rank),
        size=SIZE,
    )


def _page(visit: Visit[BybitOptions], side: Side, number: int) -> tuple[Reply, Page]:
    body = {
        "userId": "",
        "tokenId": visit.pair.asset,
        "currencyId": visit.pair.fiat,
        "payment": list(visit.options.payments),
        "side": ASKED[side],
        "size": str(SIZE),
        "page": str(number),
        "amount": "",
        "authMaker": visit.options.merchants_only,
        "canTrade": False,
    }
    reply = visit.client.post(visit.url(URL, PATH), body)
    code = at(reply.data, "ret_code")
    if code != 0:
        raise VenueError(_("Bybit answered with its error code %(code)s.", code=safe_code(code)))
    result = part(reply.data, "result")
    total = maybe(result, "count", count)
    empty = total == 0 and result.get("items") is None
    return reply, Page([] if empty else items(result, "items"), total)


def _read(visit: Visit[BybitOptions], side: Side, raw: Mapping[str, Any], rank: int) -> Ad:
    for name, wanted in (("tokenId", visit.pair.asset), ("currencyId", visit.pair.fiat)):
        if raw.get(name) is not None:
            same(raw[name], wanted, name)
    same(str(at(raw, "side")), ASKED[side], "side")
    who, which = identifier(at(raw, "userId"), "userId"), identifier(at(raw, "id"), "id")
    online = raw.get("isOnline")
    return Ad(
        side=side,
        price=price(at(raw, "price"), "price"),
        quantity=amount(at(raw, "lastQuantity"), "lastQuantity"),
        min_order=maybe(raw, "minAmount"),
        max_order=maybe(raw, "maxAmount"),
        payment_methods=_methods(at(raw, "payments")),
        completion=maybe(raw, "recentExecuteRate", percent),
        orders=maybe(raw, "recentOrderNum", count),
        merchant=bool(raw.get("authTag")),
        online=online if isinstance(online, bool) else None,
        advertiser_hash=visit.identities.advertiser(visit.venue, who),
        ad_hash=visit.identities.ad(visit.venue, which),
        rank=rank,
    )


def _methods(raw: Any) -> tuple[str, ...]:
    """Numbers of payment methods, as text."""
    if not isinstance(raw, list) or not all(
        isinstance(name, (str, int)) and len(str(name)) <= 12 for name in raw
    ):
        raise changed("payments", _("a list of payment methods"))
    return tuple(dict.fromkeys(str(name) for name in raw))


register(
    VenueSpec(
        name="bybit_p2p",
        title="Bybit P2P",
        options=BybitOptions,
        book=book,
        sides={Side.ASK: 'side "1" (its ads say 1)', Side.BID: 'side "0" (0)'},
        interval=1.0,
        request=f"POST {URL}{PATH}, 20 ads a page",
        fields="result.items[]: price, lastQuantity, min/maxAmount, payments (numbers), "
        "recentExecuteRate (percent), recentOrderNum, isOnline, side; result.count",
        terms=_(
            "600 requests in 5 s, then status 403 for 10 minutes; the terms grant personal use."
        ),
    )
)
