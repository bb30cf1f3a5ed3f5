"""The venues that list ads: requests in, JSON out, in their own words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.playing.asked import Asked
from tests.playing.market import PlayedAd


def _money(figure: float) -> str:
    return f"{figure:.3f}".rstrip("0").rstrip(".")


def _sliced(ads: list[PlayedAd], page: int, size: int) -> list[PlayedAd]:
    return ads[(page - 1) * size : page * size]


def _with_promoted(ads: list[PlayedAd]) -> list[PlayedAd]:
    """One ad out of the middle bought the first place."""
    if len(ads) < 15:
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
    if not asked.market(v["asset"], v["fiat"]).recorded:
        ads = _with_promoted(ads)
    shown = _sliced(ads, v["page"], v["rows"])
    data = [_binance_ad(ad, v["asset"], asked.fiat(v["fiat"]), written) for ad in shown]
    return {"code": "000000", "message": None, "data": data, "total": len(ads), "success": True}


def _binance_ad(ad: PlayedAd, asset: str, fiat: str, written: str) -> dict[str, Any]:
    return {
        "adv": {
            "advNo": ad.number,
            "tradeType": written,
            "asset": asset,
            "fiatUnit": fiat,
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
