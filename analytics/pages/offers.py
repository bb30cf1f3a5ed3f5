"""What an amount costs or brings, gains between venues, and hours of the week, in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.models import Market
from analytics.moments import moment
from analytics.pages.numbers import duration, number, percent, written

#: What is said of an amount, by what the person does and what the amount is counted in.
_DONE = {
    ("buy", "fiat"): gettext_lazy("For %(fiat)s you get %(asset)s: %(price)s each."),
    ("buy", "asset"): gettext_lazy("%(asset)s cost you %(fiat)s: %(price)s each."),
    ("sell", "fiat"): gettext_lazy("To get %(fiat)s you give %(asset)s: %(price)s each."),
    ("sell", "asset"): gettext_lazy("For %(asset)s you get %(fiat)s: %(price)s each."),
}
_PLACES = {
    "ask": gettext_lazy("Ask (you buy at)"),
    "bid": gettext_lazy("Bid (you sell at)"),
    "price": gettext_lazy("Price"),
    "spread_pct": gettext_lazy("Spread (%)"),
    "ask_volume": gettext_lazy("On offer to buyers"),
    "bid_volume": gettext_lazy("Wanted from sellers"),
}


def amount_answer(market: Market, found: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of `amount_price` in sentences, with the ads that it stands on."""
    units = {"fiat": market.fiat, "asset": market.asset}
    filled = {name: f"{number(found[name])} {unit}" for name, unit in units.items()}
    lines = []
    if found["price"] is None:
        lines.append(_("No ad takes this amount."))
        if found["least"] is not None:
            least = f"{number(found['least'])} {market.fiat}"
            lines.append(_("The smallest order is %(least)s.") % {"least": least})
    else:
        price = f"{number(found['price'])} {market.fiat}"
        lines.append(str(_DONE[found["side"], found["currency"]]) % {**filled, "price": price})
        if not found["complete"]:
            rest = f"{number(found['remainder'])} {units[found['currency']]}"
            lines.append(_("%(rest)s of it find no ad.") % {"rest": rest})
        lines += _compared(found)
    return {
        "lines": lines,
        "stale": found["stale"],
        "at": found["as_of"],
        "age": duration(found["age_seconds"]),
        "orders": [
            [
                number(order["price"]),
                number(order["fiat"]),
                number(order["asset"]),
                ", ".join(order["payment_methods"]) or "–",
            ]
            for order in found["orders"]
        ],
        "heads": [
            _("Price"),
            market.fiat,
            market.asset,
            _("Payment methods"),
        ],
    }


def _compared(found: Mapping[str, Any]) -> list[str]:
    lines = []
    if found["slippage"]:
        said = {"share": written(f"{100 * found['slippage']:.2f} %"), "best": number(found["best"])}
        lines.append(_("That is %(share)s worse than the best ad (%(best)s).") % said)
    change = found["day"]["change"]
    if change is not None:
        said = {"change": written(f"{100 * change:+.2f} %")}
        lines.append(_("The same amount a day before: %(change)s since then.") % said)
    return lines


def chances(found: Mapping[str, Any]) -> dict[str, Any]:
    """Gains across venues and around cycles as lines, the best first."""
    return {
        "amount": f"{number(found['amount'])} {found['fiat']}",
        "lines": [_chance(one) for one in [*found["across"], *found["cycles"]]],
        "heads": [_("Buy"), _("Sell"), _("Gain"), _("Better than the known rate"), _("Certain")],
        "left_out": ", ".join(found["left_out"]),
    }


def _chance(one: Mapping[str, Any]) -> list[str]:
    legs = [f"{leg['market']} · {leg['venue']}: {number(leg['price'])}" for leg in _legs(one)]
    certain = _("ads take it") if one["assured"] else _("best price only")
    return [*legs, _share(one["gain"]), _share(one["beats"]), certain]


def _legs(one: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return one["buy"], one["sell"]


def _share(value: float | None) -> str:
    return "–" if value is None else written(f"{100 * value:+.2f} %")


def context(found: Mapping[str, Any]) -> dict[str, Any]:
    """The last quote among those of 30 days, and when in the week it is best to buy and to sell."""
    places = [
        [
            str(label),
            number(place["value"]),
            percent(place["percentile"] / 100),
            *(number(place[end]) for end in ("low", "median", "high")),
        ]
        for name, label in _PLACES.items()
        if (place := found["now"].get(name))
    ]
    return {
        "as_of": moment(found["as_of"]),
        "stale": found["stale"],
        "places": places,
        "heads": [_("Now"), _("Value"), _("In 30 days"), _("Lowest"), _("Middle"), _("Highest")],
        "hours": [
            {"title": title, **_hours(found["hours"][side])}
            for side, title in (("buy", _("To buy")), ("sell", _("To sell")))
        ],
    }


def _hours(hours: Mapping[str, Any] | None) -> dict[str, Any]:
    if hours is None:
        return {"lines": [], "weeks": 0}
    named = (("best", _("best")), ("worst", _("worst")))
    return {
        "lines": [
            {"name": name, "when": _hour(hours[key]), "proven": hours[key]["proven"]}
            | {end: written(f"{hours[key][end]:+.2f} %") for end in ("percent", "low", "high")}
            for key, name in named
        ],
        "weeks": hours["weeks"],
    }


def _hour(one: Mapping[str, Any]) -> str:
    """An hour of the week, counted in UTC, as this week has it in the reader's zone."""
    today = timezone.now().replace(minute=0, second=0, microsecond=0, hour=one["hour"])
    at = today + dt.timedelta(days=(one["weekday"] - today.astimezone(dt.UTC).weekday()) % 7)
    return date_format(timezone.localtime(at), "l H:i")
