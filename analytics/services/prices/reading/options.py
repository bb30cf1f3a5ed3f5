"""What a caller may say about a source that the source leaves open."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading.quotes import FIGURES, symbol_problem
from analytics.services.prices.reading.words.names import column_name

DELIMITERS = {",": ",", ";": ";", "|": "|", "\t": "\t", "tab": "\t", "\\t": "\t"}
DATE_ORDERS = ("dmy", "mdy", "ymd")
MARKET_ROLES = ("asset", "fiat", "exchange", "symbol")
#: The figures of a quote; "buy" and "sell" are the sides where the data are to tell which is the
#: bid, "offers" those of the side that a row is of.
FIGURE_ROLES = (*FIGURES, "buy", "sell", "offers")
#: What a column may be: the moment, its clock where that stands apart, the side of a row, a part
#: of the market's name, a figure.
ROLES = ("time", "clock", "side", *MARKET_ROLES, *FIGURE_ROLES)


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """`market`: ASSET/FIAT@exchange, for a source that does not name one, or to take only its rows.
    `decimal`: "." or ",". `date_format`: dmy, mdy or ymd, or a strptime pattern with %. `tz`: the
    zone of times without one. `columns`: role -> column's name or number (from 1), "" for none; see
    ROLES. `sheet`: of a workbook, or the file of a zip. `remembered`: Reading.settings of an
    earlier reading, used where the source leaves something open. `level`: about what the market's
    price is. `needs_market` False: rows are read whatever market they are of; `needs_price` False:
    also those without a price. `now`: the clock, for
    tests."""

    market: str | None = None
    needs_market: bool = True
    needs_price: bool = True
    decimal: str | None = None
    date_format: str | None = None
    tz: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    remembered: Mapping[str, Any] = field(default_factory=dict)
    level: float | None = None
    now: dt.datetime | None = None

    def __post_init__(self) -> None:
        if self.market is not None and (why := symbol_problem(self.market)):
            raise InvalidInput(
                _("%(m)s is no market.") % {"m": self.market}, "bad_market", {"market": why}
            )
        if self.decimal not in (None, ".", ","):
            raise _bad("decimal", self.decimal, _("must be . or ,"))
        order = self.date_format
        if order is not None and order not in DATE_ORDERS and "%" not in order:
            raise _bad("date_format", order, _("must be dmy, mdy, ymd or a strptime pattern"))
        if self.delimiter is not None and self.delimiter not in DELIMITERS:
            raise _bad("delimiter", self.delimiter, _("must be , ; | or tab"))
        for role in self.columns:
            if role not in ROLES:
                raise _bad("columns", role, _("known are: %(names)s") % {"names": ", ".join(ROLES)})
        self._check_names()

    def _check_names(self) -> None:
        if self.encoding is not None:
            try:
                "".encode(self.encoding)
            except LookupError as error:
                raise _bad(
                    "encoding", self.encoding, _("must be one such as utf-8 or cp1252")
                ) from error
        if self.tz is not None:
            try:
                zoneinfo.ZoneInfo(self.tz)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise _bad("tz", self.tz, _("must be a zone such as America/La_Paz")) from error

    @property
    def parts(self) -> dict[str, str]:
        """asset, fiat and exchange of the market; empty without one."""
        if self.market is None:
            return {}
        asset, _slash, rest = self.market.strip().partition("/")
        fiat, _at, exchange = rest.partition("@")
        return {"asset": asset, "fiat": fiat, "exchange": exchange}

    @property
    def clock(self) -> dt.datetime:
        """The present."""
        return self.now or dt.datetime.now(dt.UTC)


def parse_columns(text: str) -> dict[str, str]:
    """bid=compra,ask=venta as a mapping; raises InvalidInput (bad_option)."""
    chosen: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        said, sign, name = part.partition("=")
        if not sign or not said.strip():
            raise _bad("columns", part, _("must be written as bid=compra,ask=venta"))
        role = _role_of(said.strip())
        if role in chosen:
            raise _bad("columns", part, _("%(role)s is named twice") % {"role": role})
        chosen[role] = name.strip()
    return chosen


def _role_of(said: str) -> str:
    """A role by its own name, or by one that a column of it could have: timestamp, bid_price."""
    if said in ROLES:
        return said
    role = column_name(said).role
    return role if role in ROLES else said


def _bad(option: str, value: object, why: str) -> InvalidInput:
    return InvalidInput(
        _("%(value)s cannot be used as %(option)s.") % {"value": value, "option": option},
        "bad_option",
        {option: why},
    )
