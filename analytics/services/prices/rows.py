"""What makes a row of quotes usable: checked column by column, whoever sent it.

Cells arrive as text (or as numbers, from a parquet file); an empty one means "unknown". Numbers
are float64 from here on, as in every frame: 15 significant digits are exact, extra decimals are
rounded.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from django.db.models import DecimalField
from django.utils.translation import gettext as _

from analytics.models import Market, PriceHistory

FIGURES = PriceHistory.FIGURES
PRICES = ("bid", "ask", "price")
_PAID = (*PRICES, "bid_vwap", "ask_vwap")  # what must be above zero where it is known
EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
_MOMENT = (
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?"
)
_MAX_COUNT = 2**31 - 1
_EXACT = 2.0**53


@dataclass
class Checked:
    """`rows`: timestamp (aware UTC, whole microseconds) and every figure as float64, NaN where
    unknown. `problems`: (column, mask of rows, reason), in the order in which they were found."""

    rows: pd.DataFrame
    problems: list[tuple[str, np.ndarray, str]] = field(default_factory=list)

    def refuse(self, column: str, mask: np.ndarray, reason: str) -> None:
        if mask.any():
            self.problems.append((column, mask, reason))

    @property
    def bad(self) -> np.ndarray:
        masks = [mask for _column, mask, _reason in self.problems]
        return np.logical_or.reduce(masks) if masks else np.zeros(len(self.rows), dtype=bool)


def check_rows(raw: pd.DataFrame) -> Checked:
    """Check `timestamp` and every known figure of `raw`; figures that it lacks are unknown."""
    checked = Checked(pd.DataFrame(index=raw.index))
    checked.rows["timestamp"] = _moments(raw["timestamp"], checked)
    for name in FIGURES:
        checked.rows[name] = _figure(name, raw[name], checked) if name in raw else np.nan
    empty = checked.rows[list(PRICES)].isna().all(axis=1).to_numpy() & ~checked.bad
    checked.refuse("price", empty, _("no price at all: give bid, ask or price"))
    return checked


def _moments(cells: pd.Series, checked: Checked) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        moments = cells.dt.tz_localize("UTC") if cells.dt.tz is None else cells
        moments = moments.dt.tz_convert("UTC")
    else:
        text = _text(cells).fillna("")
        shaped = text.where(text.str.fullmatch(_MOMENT), None)
        # errors="coerce" also covers the 30th of February.
        moments = pd.to_datetime(shaped, utc=True, errors="coerce", format="ISO8601")
    moments = moments.dt.floor("us").dt.as_unit("us")
    good = moments.between(EARLIEST, LATEST).to_numpy()
    checked.refuse("timestamp", ~good, _("not an ISO 8601 time between 1970 and 2200"))
    return moments


def _text(cells: pd.Series) -> pd.Series:
    """Stripped text; None where the cell is empty or null."""
    known = cells.notna()
    text = cells.where(known, "").astype(str).str.strip()
    return text.where(text.ne(""), None)


def _figure(name: str, cells: pd.Series, checked: Checked) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells.dtype):
        blank = cells.isna().to_numpy()
        values = cells.to_numpy(dtype="float64", na_value=np.nan, copy=True)
    else:
        text = _text(cells)
        blank = text.isna().to_numpy()
        numbers = pd.to_numeric(text.where(~blank, "0"), errors="coerce")
        values = np.where(blank, np.nan, numbers.to_numpy(dtype="float64"))
    wrong = ~blank & ~np.isfinite(values)
    checked.refuse(name, wrong, _("not a number"))
    values[wrong] = np.nan
    return _within(name, values, checked)


def _within(name: str, values: np.ndarray, checked: Checked) -> np.ndarray:
    """Round to the model's decimals and hold against the model's limits."""
    column = PriceHistory._meta.get_field(name)
    if isinstance(column, DecimalField):
        places, top = column.decimal_places, 10.0 ** (column.max_digits - column.decimal_places)
    else:
        places, top = 0, _MAX_COUNT + 1.0
        checked.refuse(name, values % 1 > 0, _("not a whole number"))
    checked.refuse(name, np.abs(values) >= top, _("too many digits"))
    # Above 2**53 the multiplication inside np.round would lose digits; there is nothing to round.
    small = np.abs(values) < _EXACT / 10.0**places
    values[small] = np.round(values[small], places)
    if name in _PAID:
        checked.refuse(name, values <= 0, _("a price must be above zero"))
    else:
        checked.refuse(name, values < 0, _("must not be negative"))
    return values


def symbol_problem(symbol: str) -> str | None:
    """What is wrong with ASSET/FIAT@exchange, or None."""
    parts = Market.parse_symbol(symbol)
    if parts is None or parts[2] is None:
        return _("not a market: write ASSET/FIAT@exchange")
    limits = [Market._meta.get_field(n).max_length for n in ("asset", "fiat", "exchange")]
    if any(len(part) > limit for part, limit in zip(parts, limits, strict=True)):
        return _("a code of the market is too long")
    return None
