"""Names of columns in what a reading says. The command line and the API keep their own ("bid: not a
number", "time=fecha", "--columns"); the page has those of its controls, translated."""

from __future__ import annotations

import re

from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from analytics.words import word

#: Roles of columns that analytics.words does not name, since they are no figures of a quote.
_ROLES = {
    "time": _("time"),
    "timestamp": _("time"),
    "clock": _("hour of the day"),
    "side": _("side"),
    "symbol": _("market"),
    "market": _("market"),
    "asset": _("asset"),
    "fiat": _("fiat"),
    "exchange": _("exchange"),
    "buy": _("buying price"),
    "sell": _("selling price"),
    "offers": _("offers"),
}
_FIGURES = (
    *("bid", "ask", "price", "volume"),
    *(f"{side}_{part}" for side in ("bid", "ask") for part in ("volume", "offers", "vwap")),
)
_ANY = "|".join(sorted({*_ROLES, *_FIGURES}, key=len, reverse=True))
_CHOSEN = re.compile(rf"(^|, ?)({_ANY})=")
_REFUSED = re.compile(rf"^(\d+ × |)({_ANY}): ")


def role_name(role: str) -> str:
    """The name of a role; an unknown one stands for itself."""
    return str(_ROLES.get(role) or word(role))


def chosen_columns(text: str) -> str:
    """`time=fecha, bid=compra` as "time: fecha, bid: compra"."""
    return _CHOSEN.sub(lambda found: f"{found[1] and ', '}{role_name(found[2])}: ", text)


def refusal(line: str) -> str:
    """`12 × bid: not a number (...)` with the column's name."""
    return _REFUSED.sub(lambda found: f"{found[1]}{capfirst(role_name(found[2]))}: ", line)
