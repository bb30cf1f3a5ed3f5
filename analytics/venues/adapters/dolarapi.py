"""DolarApi: official and parallel dollar rates of Latin American countries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from analytics.venues.aggregate import aggregate, check_market_time
from analytics.venues.book import SideQuote, VenueQuote
from analytics.venues.errors import BadVenueConfig, ShapeChanged
from analytics.venues.options import VenueOptions, option
from analytics.venues.reading import at, changed, maybe, price, same
from analytics.venues.registry import VenueSpec, Visit, register
from analytics.venues.texts import Text as _

#: The country whose service knows a currency.
HOSTS = {
    "VES": "https://ve.dolarapi.com",
    "ARS": "https://dolarapi.com",
    "BOB": "https://bo.dolarapi.com",
}
PATH = "/v1/dolares"


@dataclass(frozen=True, kw_only=True)
class DolarApiOptions(VenueOptions):
    source: str = option(
        "paralelo", help=_("The rate's name (fuente or casa): paralelo, oficial, blue.")
    )
    max_age: int = option(
        86_400,
        low=60,
        high=604_800,
        help=_("Seconds after which a rate is old (some change daily)."),
    )


def quote(visit: Visit[DolarApiOptions]) -> VenueQuote:
    """compra and venta where both are filled (the house buys, the house sells), else promedio, a
    price without a side."""
    fiat, options = visit.pair.fiat, visit.options
    if not options.base_url and fiat not in HOSTS:
        raise BadVenueConfig(
            _("DolarApi knows no %(fiat)s: name its address in base_url.", fiat=fiat),
            fields={"fiat": fiat},
        )
    reply = visit.client.get(visit.url(HOSTS.get(fiat, ""), PATH))
    entry = _entry(reply.data, options.source)
    if entry.get("moneda") is not None:
        same(entry["moneda"], "USD", "moneda")
    field = "fechaActualizacion"
    when = check_market_time(at(entry, field), field, reply.taken_at, options)
    bid, ask = maybe(entry, "compra", price), maybe(entry, "venta", price)
    both = bid is not None and ask is not None
    return aggregate(
        visit,
        reply,
        method=f"dolarapi:{options.source}",
        ask=SideQuote(price=ask) if both else None,
        bid=SideQuote(price=bid) if both else None,
        price=None if both else _single(entry, bid, ask),
        server_time=when,
    )


def _entry(data: Any, source: str) -> Mapping[str, Any]:
    if not isinstance(data, list):
        raise changed("answer", _("a list"))
    for entry in data:
        if isinstance(entry, Mapping) and source in (entry.get("fuente"), entry.get("casa")):
            return entry
    raise ShapeChanged(
        _("DolarApi lists no rate of that name (option 'source')."),
        fields={"source": _("is not listed there")},
    )


def _single(entry: Mapping[str, Any], bid: Decimal | None, ask: Decimal | None) -> Decimal:
    return maybe(entry, "promedio", price) or ask or bid or price(at(entry, "promedio"), "promedio")


register(
    VenueSpec(
        name="dolarapi",
        title="DolarApi",
        options=DolarApiOptions,
        quote=quote,
        reference=True,
        interval=2.0,
        request="GET https://ve.dolarapi.com" + PATH,
        fields="[]: fuente or casa, compra, venta (often null), promedio, fechaActualizacion",
        terms=_("A free public service, open source: ask every few minutes at most."),
    )
)
