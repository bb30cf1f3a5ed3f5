"""What a quote is to the reader: its figures (see ml.quotes), and how its market is written.

The database is not asked: how long a market's codes may be, a test holds against it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

import ml
from analytics.lazily import np

FIGURES = ml.QUOTE_COLUMNS
#: Of these one must be known.
PRICES = ml.PRICE_COLUMNS
#: Before there was a coin nothing was quoted; so far a collector's clock may be ahead of ours.
EARLIEST = dt.datetime(2009, 1, 1, tzinfo=dt.UTC)
AHEAD = dt.timedelta(minutes=5)
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


def out_of_range(column: ml.QuoteColumn, values: np.ndarray) -> Iterator[tuple[np.ndarray, str]]:
    """(mask, reason) against (n,) known figures of a column; NaN is unknown and never wrong."""
    least, most = column.range
    if column.whole:
        yield values % 1 > 0, _("not a whole number")
    if column.positive:
        yield values <= 0, _("a price must be above zero")
    else:
        yield values < 0, _("must not be negative")
    why = _("must lie between %(least)g and %(most)g") % {"least": least, "most": most}
    yield (values > most) | ((values > 0) & (values < least)), why
