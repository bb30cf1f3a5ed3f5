"""Each venue dresses the same market: those of a finished price, and the table of all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from tests.playing import listings
from tests.playing.asked import Asked


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
    if asked.path.rstrip("/").endswith("/dolar"):
        return _dolarito_flat(asked, ask, bid)
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


def _dolarito_flat(asked: Asked, ask: float, bid: float) -> Any:
    """A rate per name, and nothing around them."""
    stamp = int(asked.when.timestamp() * 1000)
    return {
        name: {
            "name": title,
            "buy": round(bid * part, 2),
            "sell": round(ask * part, 2),
            "timestamp": stamp,
        }
        for name, title, part in (("oficial", "Oficial", 0.9), ("cripto", "Cripto", 1.0))
    }


#: Venue -> (beginning of its paths, its face). The first that fits answers.
FACES: dict[str, tuple[str, Callable[[Asked], Any]]] = {
    "binance_p2p": ("/bapi/c2c/v2/friendly/c2c/adv/search", listings.binance_p2p),
    "binance_agent": ("/bapi/c2c/v1/public/c2c/agent/", listings.binance_agent),
    "bybit_p2p": ("/fiat/otc/item/online", listings.bybit_p2p),
    "okx_p2p": ("/v3/c2c/tradingOrders/books", listings.okx_p2p),
    "yadio": ("/exrates/", yadio),
    "dolarapi": ("/v1/dolares", dolarapi),
    "spot": ("/api/v2/", spot),
    "dolarito": ("/api/frontend/quotations", dolarito),
    "criptoya": ("/api/", criptoya),
}
