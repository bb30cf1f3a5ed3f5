"""Spot exchanges through ccxt: a reference to hold P2P prices against.

ccxt builds the requests and reads the answers of some hundred exchanges; the requests themselves go
through our own client, so that they are guarded, paced and bounded like all others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from analytics.venues.aggregate import aggregate, check_market_time
from analytics.venues.book import Side, SideQuote, VenueQuote
from analytics.venues.errors import BadVenueConfig, VenueError, WrongMarket
from analytics.venues.fetch.client import Reply
from analytics.venues.options import VenueOptions, option
from analytics.venues.reading import price
from analytics.venues.registry import VenueSpec, Visit, register
from analytics.venues.texts import Text as _

#: (exchange, address) -> its list of markets, asked for once per process.
_MARKETS: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True, kw_only=True)
class SpotOptions(VenueOptions):
    exchange: str = option("kraken", help=_("The exchange, as ccxt writes it (bitstamp, ...)."))
    symbol: str = option("", help=_("The market, as ccxt writes it; empty: ASSET/FIAT."))
    max_age: int = option(600, low=10, high=86_400, help=_("Seconds after which a price is old."))


def quote(visit: Visit[SpotOptions]) -> VenueQuote:
    """Bid and ask, and the last trade as the price without a side."""
    replies: list[Reply] = []
    exchange = _exchange(visit, replies)
    symbol = (visit.options.symbol or str(visit.pair)).upper()
    ticker: Mapping[str, Any] = _told(exchange.fetch_ticker, symbol)
    _check_market(exchange, symbol, ticker)
    reply, when = replies[-1], None
    if ticker.get("timestamp") is not None:
        when = check_market_time(
            ticker["timestamp"], "timestamp", reply.taken_at, visit.options, "unix_ms"
        )
    sides = {
        side: SideQuote(price=price(_text(ticker[side.value]), side.value))
        for side in Side
        if ticker.get(side.value)
    }
    last = ticker.get("last")
    return aggregate(
        visit,
        reply,
        method=f"spot:{visit.options.exchange}",
        ask=sides.get(Side.ASK),
        bid=sides.get(Side.BID),
        price=price(_text(last), "last") if last else None,
        server_time=when,
    )


def _check_market(exchange: Any, symbol: str, ticker: Mapping[str, Any]) -> None:
    """Where the exchange repeats its market, it is the one that was asked for. Raises
    WrongMarket."""
    market = exchange.market(symbol)
    told = ticker.get("info")
    for name in ("pair", "symbol"):
        said = _letters(told.get(name)) if isinstance(told, Mapping) else ""
        # The base is taken out first: USD is in USDT.
        both = _letters(market["quote"]) in said.replace(_letters(market["base"]), " ", 1)
        if said and not both and said != _letters(market["id"]):
            raise WrongMarket(
                _("The exchange answered for another market."),
                fields={name: _("must be %(wanted)s", wanted=symbol)},
            )


def _letters(value: Any) -> str:
    return "".join(filter(str.isalnum, str(value or ""))).upper()


def _text(figure: Any) -> Decimal:
    """ccxt hands out floats; their shortest text is the figure the exchange sent."""
    return Decimal(str(figure))


def _exchange(visit: Visit[SpotOptions], replies: list[Reply]) -> Any:
    """The exchange with its list of markets, whose requests go through the visit's client."""
    import ccxt  # some seconds and 100 MB: only those who use it pay for it

    name, base = visit.options.exchange, visit.options.base_url
    if name not in ccxt.exchanges:
        raise BadVenueConfig(
            _("ccxt knows no exchange %(name)r.", name=name), fields={"exchange": _("unknown")}
        )
    exchange = getattr(ccxt, name)({"enableRateLimit": False, "timeout": 20_000})
    if base:
        exchange.urls["api"] = _rebased(exchange.urls["api"], base)

    def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        if method != "GET":
            raise VenueError(_("A reference price is read with GET only."))
        reply = visit.client.get(url, headers=headers or None)
        replies.append(reply)
        # ccxt expects what the standard parser makes of JSON, and looks for errors in it itself.
        text = json.dumps(reply.data, default=float)
        answer = json.loads(text)
        exchange.handle_errors(200, "OK", url, method, {}, text, answer, headers, body)
        return answer

    exchange.fetch = fetch
    if (name, base) not in _MARKETS:
        _MARKETS[name, base] = _told(exchange.load_markets)
    exchange.set_markets(_MARKETS[name, base])
    return exchange


def _rebased(urls: Any, base: str) -> Any:
    """ccxt keeps addresses as nested tables; each keeps its path below the new one."""
    if isinstance(urls, Mapping):
        return {name: _rebased(entry, base) for name, entry in urls.items()}
    return base.rstrip("/") + urlsplit(str(urls)).path


def _told(call: Callable[..., Any], *args: Any) -> Any:
    """What ccxt answers; its errors without their words, which repeat the answer."""
    import ccxt

    kind = ""
    try:
        return call(*args)
    except ccxt.BadSymbol:
        kind = "BadSymbol"
    except ccxt.BaseError as error:
        kind = type(error).__name__
    if kind == "BadSymbol":
        raise BadVenueConfig(
            _("The exchange does not list this market."), fields={"symbol": _("not listed there")}
        )
    raise VenueError(_("ccxt could not read the exchange (%(kind)s).", kind=kind))


register(
    VenueSpec(
        name="spot",
        title="Spot exchange (ccxt)",
        options=SpotOptions,
        quote=quote,
        reference=True,
        sides={Side.ASK: "ask", Side.BID: "bid"},
        interval=1.0,
        max_bytes=32_000_000,
        request="what ccxt asks: the list of markets once per process, then the ticker",
        fields="ticker: bid, ask, last, timestamp",
        terms=_("Public market data; every exchange has its own terms."),
    )
)
