"""What a quote is to the reader: its figures, and how its market is written.

The same as in the database (a test holds the two against each other), without asking it.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

#: The figures of a quote, in the order in which every face shows them.
FIGURES = (
    "bid", "ask", "bid_vwap", "ask_vwap", "bid_volume", "ask_volume", "bid_offers", "ask_offers",
    "price", "volume",
)  # fmt: skip
#: Of these one must be known.
PRICES = ("bid", "ask", "price")
_SYMBOL = re.compile(r"([A-Za-z0-9_.\-]+)/([A-Za-z0-9_.\-]+)@([A-Za-z0-9_.\-]+)")
#: Most letters of an asset, a fiat, an exchange.
LONGEST = (20, 20, 40)


def symbol_problem(symbol: str) -> str | None:
    """What is wrong with ASSET/FIAT@exchange, or None."""
    found = _SYMBOL.fullmatch(symbol.strip())
    if found is None:
        return _("not a market: write ASSET/FIAT@exchange")
    if any(len(part) > most for part, most in zip(found.groups(), LONGEST, strict=True)):
        return _("a code of the market is too long")
    return None
