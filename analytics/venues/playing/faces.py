"""How each venue dresses the same market: requests in, JSON out, in its own words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from analytics.venues.playing.market import PlayedAd, PlayedMarket

Markets = Mapping[tuple[str, str], PlayedMarket]


@dataclass(frozen=True)
class Asked:
    """A request as a face sees it: path, query or JSON body, and the time it is played at."""

    path: str
    values: Mapping[str, Any]
    when: dt.datetime
    markets: Markets
    #: Bends the ads of a side before they are dressed (a fault that is about ads).
    bend: Callable[[list[PlayedAd]], list[PlayedAd]] = list
    #: The answer speaks of another currency, or of the other side.
    wrong_fiat: str = ""
    wrong_side: bool = False

    def market(self, asset: str, fiat: str) -> PlayedMarket:
        return self.markets[asset.upper(), fiat.upper()]

    def side(self, asset: str, fiat: str, side: str) -> list[PlayedAd]:
        if self.wrong_side:
            side = "bid" if side == "ask" else "ask"
        return self.bend(self.market(asset, fiat).side(side, self.when))

    def fiat(self, fiat: str) -> str:
        return self.wrong_fiat or fiat


def _money(figure: float) -> str:
    return f"{figure:.3f}".rstrip("0").rstrip(".")


def _sliced(ads: list[PlayedAd], page: int, size: int) -> list[PlayedAd]:
    return ads[(page - 1) * size : page * size]


def _with_promoted(ads: list[PlayedAd]) -> list[PlayedAd]:
    """One ad out of the middle bought the first place."""
    if len(ads) < 15 or any(ad.promoted for ad in ads):
        return ads
    return [replace(ads[12], promoted=True), *ads[:12], *ads[13:]]


def binance_p2p(asked: Asked) -> Any:
    v = asked.values
    side = "ask" if v["tradeType"] == "BUY" else "bid"
    written = {"ask": "SELL", "bid": "BUY"}[side]
    if asked.wrong_side:
        written = v["tradeType"]
    ads = asked.side(v["asset"], v["fiat"], side)
    if v.get("payTypes"):
        ads = [ad for ad in ads if set(ad.methods) & set(v["payTypes"])]
    if v.get("publisherType") == "merchant":
        ads = [ad for ad in ads if ad.merchant]
    ads = _with_promoted(ads)
    shown = _sliced(ads, v["page"], v["rows"])
    data = [
        {
            "adv": {
                "advNo": ad.number,
                "tradeType": written,
                "asset": v["asset"],
                "fiatUnit": asked.fiat(v["fiat"]),
                "price": _money(ad.price),
                "surplusAmount": _money(ad.quantity * 1.01),
                "tradableQuantity": _money(ad.quantity),
                "minSingleTransAmount": _money(ad.low),
                "maxSingleTransAmount": _money(ad.high * 1.5),
                "dynamicMaxSingleTransAmount": _money(ad.high),
                "payTimeLimit": 15,
                "classify": "mass",
                "tradeMethods": [
                    {"identifier": name, "payType": name, "tradeMethodName": f"{name} (name)"}
                    for name in ad.methods
                ],
            },
            "advertiser": {
                "userNo": ad.user,
                "nickName": ad.nick,
                "userType": "merchant" if ad.merchant else "user",
                "monthOrderCount": ad.orders,
                "monthFinishRate": ad.rate,
                "positiveRate": 0.99,
            },
            "privilegeType": 8 if ad.promoted else None,
        }
        for ad in shown
    ]
    return {"code": "000000", "message": None, "data": data, "total": len(ads), "success": True}


def binance_agent(asked: Asked) -> Any:
    v = asked.values
    side = "ask" if v["tradeType"].upper() == "BUY" else "bid"
    ads = asked.side(v["asset"], v["fiat"], side)
    names = {"asset": v["asset"], "fiat": asked.fiat(v["fiat"])}
    if asked.path.endswith("quote-price"):
        data: Any = {**names, "price": ads[0].price if ads else None, "tradeType": v["tradeType"]}
    else:
        data = {
            "items": [
                {
                    **names,
                    "adNo": ad.number,
                    "price": ad.price,
                    "minTransAmount": ad.low,
                    "maxTransAmount": ad.high,
                    "tradableAmount": ad.quantity,
                    "tradeMethods": [{"identifier": name} for name in ad.methods],
                    "advertiser": {
                        "nickName": ad.nick,
                        "userType": "merchant" if ad.merchant else "user",
                        "monthOrderCount": ad.orders,
                        "monthFinishRate": ad.rate,
                    },
                }
                for ad in ads[: int(v.get("limit", 10))]
            ]
        }
    return {"code": "000000", "message": None, "data": data, "success": True}


def bybit_p2p(asked: Asked) -> Any:
    v = asked.values
    ads = asked.side(v["tokenId"], v["currencyId"], "ask" if v["side"] == "1" else "bid")
    written = int(v["side"]) ^ int(asked.wrong_side)
    shown = _sliced(ads, int(v["page"]), int(v["size"]))
    items = [
        {
            "id": ad.number,
            "userId": ad.user,
            "nickName": ad.nick,
            "tokenId": v["tokenId"],
            "currencyId": asked.fiat(v["currencyId"]),
            "side": written,
            "price": _money(ad.price),
            "quantity": _money(ad.quantity * 2),
            "lastQuantity": _money(ad.quantity),
            "minAmount": _money(ad.low),
            "maxAmount": _money(ad.high),
            "payments": [str(sum(map(ord, name)) % 1000) for name in ad.methods],
            "recentOrderNum": ad.orders,
            "recentExecuteRate": round(ad.rate * 100),
            "isOnline": ad.online,
            "authTag": ["GA"] if ad.merchant else [],
        }
        for ad in shown
    ]
    return {"ret_code": 0, "ret_msg": "SUCCESS", "result": {"count": len(ads), "items": items}}


def okx_p2p(asked: Asked) -> Any:
    v = asked.values
    ads = asked.side(v["baseCurrency"], v["quoteCurrency"], "ask" if v["side"] == "sell" else "bid")
    filled = {"sell": "buy", "buy": "sell"}[v["side"]] if asked.wrong_side else v["side"]
    shown = _sliced(ads, int(v["currentPage"]), int(v["numberPerPage"]))
    items = [
        {
            "id": ad.number,
            "publicUserId": ad.user,
            "merchantId": ad.user[:12],
            "nickName": ad.nick,
            "baseCurrency": v["baseCurrency"],
            "quoteCurrency": asked.fiat(v["quoteCurrency"]).lower(),
            "side": filled,
            "price": _money(ad.price),
            "availableAmount": _money(ad.quantity),
            "quoteMinAmountPerOrder": _money(ad.low),
            "quoteMaxAmountPerOrder": _money(ad.high),
            "completedRate": f"{ad.rate:.4f}",
            "completedOrderQuantity": ad.orders,
            "paymentMethods": list(ad.methods),
            "creatorType": "certified" if ad.merchant else "common",
        }
        for ad in shown
    ]
    return {"code": 0, "msg": "", "data": {"buy": [], "sell": [], filled: items, "total": len(ads)}}


def _best(asked: Asked, asset: str, fiat: str) -> tuple[float, float]:
    """(ask, bid), zero for an empty side."""
    best = [asked.side(asset, fiat, side) for side in ("ask", "bid")]
    return tuple(ads[2].price if len(ads) > 2 else 0 for ads in best)  # type: ignore[return-value]


def criptoya(asked: Asked) -> Any:
    _, _, asset, fiat, _ = asked.path.strip("/").split("/")
    ask, bid = _best(asked, asset, fiat)
    return {
        "ask": ask,
        "totalAsk": round(ask * 1.001, 4),
        "bid": bid,
        "totalBid": round(bid * 0.999, 4),
        "time": int(asked.when.timestamp()),
    }


def yadio(asked: Asked) -> Any:
    base = asked.path.strip("/").split("/")[-1]
    dollars = ("USDT", "USDC") if base == "USD" else (base,)
    rates = {
        fiat: round(market.mid(asked.when), 4)
        for (asset, fiat), market in asked.markets.items()
        if asset in dollars
    }
    named = asked.fiat(base)
    return {named: rates, "base": named, "timestamp": int(asked.when.timestamp() * 1000)}


def dolarapi(asked: Asked) -> Any:
    fiat = str(asked.values.get("_fiat", "VES"))
    mid = asked.market("USDT", fiat).mid(asked.when)
    zone = dt.timezone(dt.timedelta(hours=-4))
    stamp = asked.when.astimezone(zone).isoformat(timespec="milliseconds")
    common = {"moneda": asked.wrong_fiat or "USD", "compra": None, "venta": None}
    return [
        {**common, "fuente": name, "nombre": name, "promedio": round(mid * part, 4),
         "fechaActualizacion": stamp}
        for name, part in (("oficial", 0.7), ("paralelo", 1.0))
    ]  # fmt: skip


def spot(asked: Asked) -> Any:
    """Bitstamp's public answers, as ccxt asks for them."""
    if asked.path.rstrip("/").endswith(("trading-pairs-info", "markets")):
        return [_spot_market(asset, fiat) for asset, fiat in asked.markets]
    name = asked.path.strip("/").split("/")[-1]
    pair = next(pair for pair in asked.markets if f"{pair[0]}{pair[1]}".lower() == name)
    mid = asked.markets[pair].mid(asked.when)
    figures = {"bid": mid * 0.999, "ask": mid * 1.001, "last": mid, "vwap": mid, "volume": 1000}
    texts = {name: f"{figure:.4f}" for name, figure in figures.items()}
    stamp = str(int(asked.when.timestamp()))
    return {**texts, "timestamp": stamp, "pair": f"{pair[0]}/{asked.fiat(pair[1])}"}


def _spot_market(asset: str, fiat: str) -> dict[str, Any]:
    symbol = f"{asset}{fiat}".lower()
    return {
        "name": f"{asset}/{fiat}",
        "market_symbol": symbol,
        "url_symbol": symbol,
        "base_currency": asset,
        "counter_currency": fiat,
        "base_decimals": 8,
        "counter_decimals": 4,
        "minimum_order_value": "10",
        "minimum_order": f"10.0 {fiat}",
        "trading": "Enabled",
        "instant_order_counter_decimals": 2,
        "instant_and_market_orders": "Enabled",
        "description": f"{asset} / {fiat}",
        "market_type": "SPOT",
    }


def dolarito(asked: Asked) -> Any:
    """A service that nobody wrote an adapter for: nested, comma-free, times in milliseconds."""
    ask, bid = _best(asked, "USDT", "ARS")
    return {
        "status": "ok",
        "quotations": {
            "cripto": {
                "name": "Dolar cripto",
                "currency": asked.wrong_fiat or "ARS",
                "sell": ask,
                "buy": bid,
                "timestamp": int(asked.when.timestamp() * 1000),
            }
        },
    }


#: Venue -> (beginning of its paths, its face). The first that fits answers.
FACES: dict[str, tuple[str, Callable[[Asked], Any]]] = {
    "binance_p2p": ("/bapi/c2c/v2/friendly/c2c/adv/search", binance_p2p),
    "binance_agent": ("/bapi/c2c/v1/public/c2c/agent/", binance_agent),
    "bybit_p2p": ("/fiat/otc/item/online", bybit_p2p),
    "okx_p2p": ("/v3/c2c/tradingOrders/books", okx_p2p),
    "yadio": ("/exrates/", yadio),
    "dolarapi": ("/v1/dolares", dolarapi),
    "spot": ("/api/v2/", spot),
    "dolarito": ("/api/frontend/quotations", dolarito),
    "criptoya": ("/api/", criptoya),
}
