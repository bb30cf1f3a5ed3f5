"""Refusals that several steps of a reading share."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading.decisions import shortened

_HEADERS = (
    "timestamp,asset,fiat,exchange,bid_price,ask_price,…",
    "timestamp,asset,fiat,exchange,open,high,low,close,volume",
    "timestamp,value",
    "fecha;compra;venta",
)


def bad_header(found: Iterable[str], why: str | None = None) -> InvalidInput:
    """No time or no price among the columns."""
    shown = shortened(",".join(name.strip() for name in found).lower(), 300)
    return InvalidInput(
        _("The header cannot be used. Expected something like: %(wanted)s. Found: %(found)s.")
        % {
            "wanted": " | ".join(_HEADERS),
            "found": shown or "-",
        },
        "bad_header",
        {"header": why or _("not a header of quotes")},
    )
