"""Any server that answers JSON: configured, not programmed.

Each figure is found by a JMESPath expression. `{asset}`, `{fiat}`, `{asset_lower}` and
`{fiat_lower}` in the address and the body stand for the market's currencies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from analytics.venues.aggregate import aggregate, check_market_time, path_part
from analytics.venues.book import Pair, Side, SideQuote, VenueQuote
from analytics.venues.errors import ShapeChanged, VenueError
from analytics.venues.fetch.client import Reply
from analytics.venues.options import VenueOptions, address_problem, option
from analytics.venues.reading import amount, price, same
from analytics.venues.registry import VenueSpec, Visit, register
from analytics.venues.texts import Text as _

_TIMES = ("auto", "iso", "unix", "unix_ms")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
#: The client's own; a configured one would break the request.
_RESERVED = frozenset({"host", "content-length", "transfer-encoding", "connection", "te"})
_PATHS = (
    *("ask", "bid", "price", "ask_volume", "bid_volume"),
    *("time", "check_asset", "check_fiat", "healthy"),
)


@dataclass(frozen=True, kw_only=True)
class JsonOptions(VenueOptions):
    url: str = option(
        "", help=_("The address; {asset}, {fiat}, {asset_lower}, {fiat_lower} stand in it.")
    )
    method: str = option("GET", choices=("GET", "POST"), help=_("How it is asked."))
    headers: Mapping[str, Any] = option(
        {}, help=_("Headers of the request, a key of the service among them."), secret=True
    )
    body: Mapping[str, Any] = option({}, help=_("JSON body of a POST; currencies are filled in."))
    ask: str = option("", help=_("JMESPath of the price at which you buy the asset."))
    bid: str = option("", help=_("JMESPath of the price at which you sell the asset."))
    price: str = option("", help=_("JMESPath of a price without a side."))
    ask_volume: str = option("", help=_("JMESPath of the asks' volume, in units of the asset."))
    bid_volume: str = option("", help=_("JMESPath of the bids' volume, in units of the asset."))
    time: str = option(
        "", help=_("JMESPath of the time of the price; empty: the time of the answer.")
    )
    time_format: str = option(
        "auto", help=_("auto, iso, unix, unix_ms, or a pattern of strptime with %z.")
    )
    check_asset: str = option("", help=_("JMESPath of what must be the asset's code."))
    check_fiat: str = option("", help=_("JMESPath of what must be the fiat's code."))
    healthy: str = option("", help=_("JMESPath that must be true, such as code == '0'."))
    max_age: int = option(900, low=10, high=604_800, help=_("Seconds after which a price is old."))

    def problems(self) -> dict[str, str]:
        """What is wrong with the options as a whole, by name; nothing is asked."""
        found = super().problems()
        found |= {name: text for name in _PATHS if (text := _path_problem(getattr(self, name)))}
        if self.base_url:
            found["base_url"] = _("give the whole address as url")
        if text := address_problem(filled(self.url, Pair("USDT", "USD"))):
            found["url"] = text
        if not (self.ask or self.bid or self.price):
            found["ask"] = _("give at least one of ask, bid and price")
        if self.time_format not in _TIMES and "%z" not in self.time_format:
            found["time_format"] = _(
                "must be one of %(choices)s, or a pattern with %%z", choices=", ".join(_TIMES)
            )
        if self.body and self.method != "POST":
            found["body"] = _("only a POST has a body")
        for name, value in self.headers.items():
            if text := _header_problem(name, value):
                found["headers"] = text
        return found


def _path_problem(path: str) -> str:
    if len(path) > 300:
        return _("must be at most 300 characters")
    try:
        if path:
            jmespath.compile(path)
    except (JMESPathError, ValueError, RecursionError):
        return _("is not a JMESPath expression")
    return ""


def _header_problem(name: str, value: Any) -> str:
    if not _HEADER.fullmatch(name) or name.lower() in _RESERVED:
        return _("%(name)s cannot be set", name=repr(name[:60]))
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return _("the value of %(name)s must be plain text", name=repr(name))
    return ""


def filled(text: str, pair: Pair, *, encode: bool = True) -> str:
    """The text with the market's currencies put in; encoded as parts of an address."""
    known = {
        "{asset}": pair.asset,
        "{fiat}": pair.fiat,
        "{asset_lower}": pair.asset.lower(),
        "{fiat_lower}": pair.fiat.lower(),
    }
    for name, value in known.items():
        text = text.replace(name, path_part(value) if encode else value)
    return text


def _filled_body(value: Any, pair: Pair) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled_body(entry, pair) for name, entry in value.items()}
    if isinstance(value, list):
        return [_filled_body(entry, pair) for entry in value]
    return filled(value, pair, encode=False) if isinstance(value, str) else value


def quote(visit: Visit[JsonOptions]) -> VenueQuote:
    options = visit.options
    reply = _ask(visit)
    data = _plain(reply.data)
    _check(data, options, visit.pair)
    when = None
    if options.time:
        found = _find(data, options.time, "time")
        when = check_market_time(found, "time", reply.taken_at, options, options.time_format)
    return aggregate(
        visit,
        reply,
        method="json",
        ask=_side(data, options, Side.ASK),
        bid=_side(data, options, Side.BID),
        price=price(_find(data, options.price, "price"), "price") if options.price else None,
        server_time=when,
    )


def _ask(visit: Visit[JsonOptions]) -> Reply:
    options, pair = visit.options, visit.pair
    url = filled(options.url, pair)
    headers = dict(options.headers)
    if options.method == "GET":
        return visit.client.get(url, headers=headers)
    return visit.client.post(url, _filled_body(options.body, pair), headers)


def _check(data: Any, options: JsonOptions, pair: Pair) -> None:
    if options.healthy and jmespath.search(options.healthy, data) is not True:
        raise VenueError(_("The answer says that something went wrong (option 'healthy')."))
    if options.check_asset:
        same(_find(data, options.check_asset, "check_asset"), pair.asset, "check_asset")
    if options.check_fiat:
        same(_find(data, options.check_fiat, "check_fiat"), pair.fiat, "check_fiat")


def _side(data: Any, options: JsonOptions, side: Side) -> SideQuote | None:
    path = getattr(options, side.value)
    if not path:
        return None
    volume = getattr(options, f"{side}_volume")
    return SideQuote(
        price=price(_find(data, path, side.value), side.value),
        volume=amount(_find(data, volume, f"{side}_volume"), f"{side}_volume") if volume else None,
    )


def _find(data: Any, path: str, name: str) -> Any:
    """What the expression finds: a number, or a text. Raises ShapeChanged, naming the option."""
    try:
        found = jmespath.search(path, data)
    except JMESPathError:
        found = None
    if found is None:
        raise ShapeChanged(
            _("The expression of the option %(name)r finds nothing in the answer.", name=name),
            fields={name: _("finds nothing")},
        )
    return Decimal(str(found)) if isinstance(found, float) else found


def _plain(data: Any) -> Any:
    """Decimals as floats: the comparisons and functions of JMESPath know no others."""
    if isinstance(data, Decimal):
        return float(data)
    if isinstance(data, Mapping):
        return {name: _plain(value) for name, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, list) else data


register(
    VenueSpec(
        name="json",
        title=_("Any JSON service"),
        options=JsonOptions,
        quote=quote,
        reference=True,
        sides={Side.ASK: "the option ask", Side.BID: "the option bid"},
        interval=2.0,
        request="what the options say: address, method, headers, body",
        fields="what the options say: a JMESPath expression per figure",
        terms=_("Those of the service you name: read them."),
    )
)
