"""A venue as a newcomer adds it: this one file, put into analytics/venues/adapters/, is all."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.venues.aggregate import aggregate, check_market_time
from analytics.venues.book import Side, SideQuote, VenueQuote
from analytics.venues.options import VenueOptions, option
from analytics.venues.reading import at, price, same
from analytics.venues.registry import VenueSpec, Visit, register

URL = "https://www.dolarito.ar"


@dataclass(frozen=True, kw_only=True)
class DolaritoOptions(VenueOptions):
    rate: str = option("cripto", help="Which rate, as Dolarito names it.")
    max_age: int = option(900, low=30, high=86_400, help="Seconds after which a rate is old.")


def quote(visit: Visit[DolaritoOptions]) -> VenueQuote:
    reply = visit.client.get(visit.url(URL, "/api/frontend/quotations"))
    rate = at(reply.data, f"quotations.{visit.options.rate}")
    same(at(rate, "currency"), visit.pair.fiat, "currency")
    return aggregate(
        visit,
        reply,
        method=f"dolarito:{visit.options.rate}",
        # Their words are the house's: it sells to you, it buys from you.
        ask=SideQuote(price=price(at(rate, "sell"), "sell")),
        bid=SideQuote(price=price(at(rate, "buy"), "buy")),
        server_time=check_market_time(
            at(rate, "timestamp"), "timestamp", reply.taken_at, visit.options
        ),
    )


register(
    VenueSpec(
        name="dolarito",
        title="Dolarito",
        options=DolaritoOptions,
        quote=quote,
        sides={Side.ASK: "sell", Side.BID: "buy"},
        interval=5.0,
        request=f"GET {URL}/api/frontend/quotations",
        fields="quotations.{rate}: buy, sell, currency, timestamp (milliseconds)",
        terms="A free public page: ask every few minutes at most.",
    )
)
