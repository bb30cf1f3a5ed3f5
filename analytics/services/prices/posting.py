"""Quotes that arrive as objects or as the bytes of a file: all of them are stored, or none.

Rows under our own names and with whole times are taken as they are; whatever else is sent goes
through the reader, as a file does.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from analytics.conf import conf
from analytics.exceptions import InvalidInput
from analytics.lazily import np, pd
from analytics.models import Market
from analytics.selectors.prices import market_level
from analytics.services.prices import reading as reader
from analytics.services.prices.importing import say_stored
from analytics.services.prices.markets import (
    cadence_of,
    market_find,
    market_get_or_create,
    markets_make,
    unknown_markets,
)
from analytics.services.prices.reading import ReadOptions
from analytics.services.prices.reading.quotes import symbol_problem
from analytics.services.prices.rows import Checked, check_rows, merge_rows, write_rows
from analytics.services.prices.storing import FIGURES, rows_store

_MOST_NAMED = 20
#: Of one posting: new ones are made in its transaction, and others wait for that.
_MOST_MARKETS = 100
_OWN = ("timestamp", "market", *FIGURES)
#: A time that says its offset from UTC.
_WHOLE_TIME = re.compile(r".*\d(?:Z|[+-]\d\d:?(?:\d\d)?)$", re.DOTALL)


@dataclass(frozen=True)
class BulkReport:
    """How many posted quotes were new, changed a stored one, or said what was known; how they were
    read where that had to be decided; and the markets that were made for them."""

    new: int
    updated: int
    unchanged: int
    decisions: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)


def price_bulk_add(
    *,
    rows: Sequence[dict[str, Any]],
    market: Market | None = None,
    create_market: bool = False,
    options: ReadOptions | None = None,
) -> BulkReport:
    """Add quotes that arrived as objects.

    Keys: timestamp, market (ASSET/FIAT@exchange) unless `market` is given, and the figures of a
    quote as numbers or numeric text; or any names that a file may have. Raises InvalidInput:
    too_many_rows, bad_rows with at most 20 of the bad cells named as "rows.3.bid", and what
    `read_quotes` raises; NotFound (unknown_market) for a market that is to be created only when
    asked.
    """
    _refuse_many(len(rows))
    if not rows:
        return BulkReport(0, 0, 0)
    if problems := _unheard(rows):
        raise _bad_rows(problems)
    if options is not None or not all(_is_own(row) for row in rows):
        return _add_read(reader.read_quotes(rows, _options(options, market)), create_market)
    names = ("timestamp", *FIGURES)
    checked = check_rows(pd.DataFrame({n: _cells([row.get(n) for row in rows]) for n in names}))
    problems = _named(checked)
    for number, row in enumerate(rows):
        if why := _market_problem(row, market):
            problems[f"rows.{number}.market"] = why
    if problems:
        raise _bad_rows(problems)
    symbols = [row["market"] for row in rows] if market is None else [market.symbol] * len(rows)
    return _store(checked.rows.assign(symbol=symbols), create_market)


def price_file_add(*, body: bytes, options: ReadOptions, create_market: bool = False) -> BulkReport:
    """Add the quotes of a file that was sent. Raises as `price_bulk_add` does."""
    if not body.strip():
        raise InvalidInput(
            _("Send the file as the body."), "bad_shape", {"body": _("Must not be empty.")}
        )
    market = None if options.market is None else market_find(options.market)
    reading = reader.read_quotes(body, _options(options, market), name=_("the body"))
    _refuse_many(reading.rows)
    return _add_read(reading, create_market)


def _refuse_many(count: int) -> None:
    limit = conf().MAX_BULK_ROWS
    if count > limit:
        raise InvalidInput(
            _("At most %(limit)s quotes at once, not %(count)s.")
            % {"limit": limit, "count": count},
            "too_many_rows",
            {"rows": _("at most %(limit)s") % {"limit": limit}},
        )


def _unheard(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Objects that say nothing, and names beside our own that nobody knows: nothing that was sent
    is dropped unsaid."""
    problems = {}
    for number, row in enumerate(rows):
        if all(value is None or value == "" for value in row.values()):
            problems[f"rows.{number}.timestamp"] = _("missing")
        elif "timestamp" in row and not row.keys().isdisjoint(FIGURES):
            known = ", ".join(sorted(_OWN))
            for name in row.keys() - set(_OWN):
                why = _("unknown; known are: %(names)s") % {"names": known}
                problems[f"rows.{number}.{str(name)[:40]}"] = why
    return problems


def _is_own(row: dict[str, Any]) -> bool:
    """Whether it has our names alone, and a time that can mean one moment only."""
    moment = row.get("timestamp")
    return row.keys() <= set(_OWN) and isinstance(moment, str) and bool(_WHOLE_TIME.match(moment))


def _options(options: ReadOptions | None, market: Market | None) -> ReadOptions:
    options = options or ReadOptions()
    if market is None:
        return options
    return dataclasses.replace(
        options, market=market.symbol, remembered=market.reading, level=market_level(market)
    )


def _add_read(reading: reader.Reading, create_market: bool) -> BulkReport:
    """Store what was read; one reject refuses all."""
    blocks = list(reading.blocks())
    problems: dict[str, str] = {}
    for reject in (reject for block in blocks for reject in block.rejects):
        name, colon, why = reject.reason.partition(": ")
        place = f"rows.{reject.row - 1}"
        problems[f"{place}.{name}" if colon else place] = why or reject.reason
    if problems:
        raise _bad_rows(problems)
    rows = pd.concat([block.rows for block in blocks], ignore_index=True)
    if rows.empty:
        raise InvalidInput(_("There is no quote in it."), "bad_rows", {"rows": _("none")})
    report = _store(rows.assign(symbol=rows["symbol"].astype(str)), create_market)
    return dataclasses.replace(report, decisions=[str(one) for one in reading.decisions])


def _store(rows: pd.DataFrame, create_market: bool) -> BulkReport:
    """Write rows (symbol, timestamp, figures) in one transaction; what can be found out before it
    is, so that other writers wait for the writing alone."""
    symbols = pd.unique(rows["symbol"]).tolist()
    if len(symbols) > _MOST_MARKETS:
        raise InvalidInput(
            _("At most %(most)s markets at once, not %(n)s.")
            % {"most": _MOST_MARKETS, "n": len(symbols)},
            "too_many_markets",
            {"rows": _("at most %(limit)s") % {"limit": _MOST_MARKETS}},
        )
    found = {symbol: market_find(symbol) for symbol in symbols}
    missing = [symbol for symbol, market in found.items() if market is None]
    if missing and not create_market:
        raise unknown_markets(missing)
    moments = rows.groupby("symbol")["timestamp"]
    cadences = {symbol: cadence_of(moments.get_group(symbol)) for symbol in missing}
    # Until they are made, new markets have numbers of their own; two spellings of one the same.
    spelled = {name: -n for n, name in enumerate(dict.fromkeys(map(str.lower, missing)), 1)}
    ids = {s: spelled[s.lower()] if one is None else one.pk for s, one in found.items()}
    merged = merge_rows(rows.drop(columns="symbol").assign(market_id=rows["symbol"].map(ids)))
    made: dict[str, Market] = {}

    def make() -> dict[int, int]:
        made.update(markets_make(cadences))
        return {ids[symbol]: market.pk for symbol, market in made.items()}

    counts = rows_store(merged, make)
    numbers = {ids[symbol]: market.pk for symbol, market in made.items()}
    say_stored(merged.assign(market_id=merged["market_id"].replace(numbers)))
    created = sorted({market.symbol for market in made.values()})
    return BulkReport(counts["new"], counts["updated"], counts["unchanged"], created=created)


def _cells(values: list[Any]) -> pd.Series:
    """A column of posted values: numbers as they are. Where there is anything else, text, of which
    what is neither number nor text is refused."""
    if all(value is None or (type(value) is float and math.isfinite(value)) for value in values):
        return pd.Series(values, dtype="float64")
    return pd.Series([_text(value) for value in values], dtype="object")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return "?"
    return str(value) if not isinstance(value, int) or value.bit_length() < 256 else "inf"


def _market_problem(row: dict[str, Any], market: Market | None) -> str | None:
    ref = row.get("market")
    if market is not None:
        same = ref is None or str(ref).strip().lower() in (str(market.pk), market.symbol.lower())
        return None if same else _("differs from the market of the request")
    if not isinstance(ref, str):
        return _("must be given: ASSET/FIAT@exchange")
    return symbol_problem(ref)


def _named(checked: Checked) -> dict[str, str]:
    return {
        f"rows.{int(place)}.{column}": reason
        for column, mask, reason in checked.problems
        for place in np.flatnonzero(mask)
    }


def _bad_rows(problems: dict[str, str]) -> InvalidInput:
    shown = sorted(problems.items(), key=lambda item: int(item[0].split(".")[1]))[:_MOST_NAMED]
    return InvalidInput(
        _("%(count)s figures cannot be used; nothing was written.") % {"count": len(problems)},
        "bad_rows",
        dict(shown),
    )


def quotes_store(symbol: str, quotes: pd.DataFrame, on_progress: Any = None) -> Market:
    """Write a quotes frame (see ml.spec) into a market, made if new; a bad row is InvalidInput."""
    checked = check_rows(quotes.rename_axis("timestamp").reset_index())
    if checked.bad.any():
        raise _bad_rows(_named(checked))
    market = market_get_or_create(symbol, seen=checked.rows["timestamp"])
    write_rows(merge_rows(checked.rows.assign(market_id=market.pk)), on_progress)
    return market
