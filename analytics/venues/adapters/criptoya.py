"""CriptoYa: prices of many Latin American marketplaces, gathered by others."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from analytics.venues.aggregate import aggregate, check_market_time, path_part
from analytics.venues.book import Side, SideQuote, VenueQuote
from analytics.venues.options import VenueOptions, option
from analytics.venues.reading import at, maybe, number, price
from analytics.venues.registry import VenueSpec, Visit, register
from analytics.venues.texts import Text as _

URL = "https://criptoya.com"


@dataclass(frozen=True, kw_only=True)
class CriptoYaOptions(VenueOptions):
    exchange: str = option(
        "binancep2p",
        help=_("The marketplace, as CriptoYa writes it (binancep2p, bybitp2p, ...)."),
    )
    volume: Decimal = option(
        Decimal(1), low=1e-6, high=1e9, help=_("Units of the asset the price is asked for.")
    )
    max_age: int = option(900, low=30, high=86_400, help=_("Seconds after which a price is old."))


def quote(visit: Visit[CriptoYaOptions]) -> VenueQuote:
    """`price` is the marketplace's, `total` the price with its fees."""
    options, pair = visit.options, visit.pair
    parts = (options.exchange, pair.asset.lower(), pair.fiat.lower(), f"{options.volume:f}")
    path = "/api/" + "/".join(path_part(text) for text in parts)
    reply = visit.client.get(visit.url(URL, path))
    data = reply.data
    when = check_market_time(at(data, "time"), "time", reply.taken_at, options)
    return aggregate(
        visit,
        reply,
        method=f"criptoya:{options.exchange}",
        ask=_side(data, Side.ASK),
        bid=_side(data, Side.BID),
        server_time=when,
    )


def _side(data: Any, side: Side) -> SideQuote | None:
    """CriptoYa writes zero for a side that nobody offers."""
    value = at(data, side.value)
    if value is None or number(value, side.value) == 0:
        return None
    return SideQuote(
        price=price(value, side.value),
        total=maybe(data, f"total{side.value.capitalize()}", price),
    )


register(
    VenueSpec(
        name="criptoya",
        title="CriptoYa",
        options=CriptoYaOptions,
        quote=quote,
        sides={Side.ASK: "ask (you buy)", Side.BID: "bid (you sell)"},
        interval=2.0,
        request=f"GET {URL}/api/{{exchange}}/{{asset}}/{{fiat}}/{{volume}}",
        fields="ask, totalAsk, bid, totalBid, time (seconds)",
        terms=_("A free public service run by few people: ask once a minute at most."),
    )
)
