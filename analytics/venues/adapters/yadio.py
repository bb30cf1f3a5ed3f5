"""Yadio: one exchange rate per currency, gathered from P2P markets."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.venues.aggregate import aggregate, check_market_time, path_part
from analytics.venues.book import VenueQuote
from analytics.venues.options import VenueOptions, option
from analytics.venues.reading import at, part, price, same
from analytics.venues.registry import VenueSpec, Visit, register
from analytics.venues.texts import Text as _

URL = "https://api.yadio.io"


@dataclass(frozen=True, kw_only=True)
class YadioOptions(VenueOptions):
    base: str = option(
        "", help=_("Base currency of the rates; empty: the market's asset (USD for a dollar coin).")
    )
    max_age: int = option(3600, low=60, high=86_400, help=_("Seconds after which a rate is old."))


_DOLLARS = frozenset({"USDT", "USDC", "DAI", "FDUSD"})


def quote(visit: Visit[YadioOptions]) -> VenueQuote:
    asset = visit.pair.asset
    base = (visit.options.base or ("USD" if asset in _DOLLARS else asset)).upper()
    reply = visit.client.get(visit.url(URL, f"/exrates/{path_part(base)}"))
    data = reply.data
    same(at(data, "base"), base, "base")
    when = check_market_time(at(data, "timestamp"), "timestamp", reply.taken_at, visit.options)
    rate = price(at(part(data, base), visit.pair.fiat), visit.pair.fiat)
    return aggregate(visit, reply, method=f"yadio:{base}", price=rate, server_time=when)


register(
    VenueSpec(
        name="yadio",
        title="Yadio",
        options=YadioOptions,
        quote=quote,
        reference=True,
        interval=2.0,
        request=f"GET {URL}/exrates/{{base}}",
        fields="{base}.{fiat} (a price without a side), base, timestamp (milliseconds)",
        terms=_("A free public service: its rates change every few minutes, ask no more often."),
    )
)
