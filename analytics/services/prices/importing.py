"""Quotes into the database: validated, merged, written once however often they are sent.

Files and posted rows go the same way: read, then checked, merged and written (see rows).
"""

from __future__ import annotations

import csv
import math
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from django.db import transaction
from django.utils.translation import gettext as _

from analytics import events
from analytics.conf import conf
from analytics.exceptions import InvalidInput
from analytics.models import Market
from analytics.services.prices.files import Reject, read_price_file, unreadable
from analytics.services.prices.markets import market_get_or_create, symbol_problem
from analytics.services.prices.rows import (
    FIGURES,
    Checked,
    ProgressCallback,
    check_rows,
    merge_rows,
    write_rows,
)

_MAX_NAMED = 20


@dataclass(frozen=True)
class ImportReport:
    """read = new + updated + unchanged + merged + rejected; `merged` rows stood for a moment that
    another row of the file names too. `markets` are the symbols met, in the order of the file."""

    read: int
    new: int
    updated: int
    unchanged: int
    merged: int
    rejected: int
    rejects_path: Path | None
    markets: list[str]
    seconds: float


@dataclass(frozen=True)
class BulkReport:
    """How many posted quotes were new, changed a stored one, or said what was known."""

    new: int
    updated: int
    unchanged: int


# ------------------------------------------------------------------------------------------ files
def price_import(
    *,
    path: Path | str,
    market: str | None = None,
    rejects_dir: Path | None = None,
    on_progress: ProgressCallback | None = None,
) -> ImportReport:
    """Import a csv, csv.gz or parquet file of quotes, candles or plain values.

    `market` (ASSET/FIAT@exchange) belongs to files that do not name one themselves. Bad rows are
    written, with line and reason, to a csv in `rejects_dir` (the logs by default). Raises
    InvalidInput where the file as a whole cannot be used (see read_price_file).
    """
    started = time.perf_counter()
    path = Path(path)
    file = read_price_file(path, market=market, on_progress=on_progress)
    rejects_path = None
    if file.rejects:
        rejects_path = _write_rejects(file.rejects, path=path, folder=rejects_dir or conf().logs)
    rows, markets = _with_markets(file.rows)
    rows = merge_rows(rows)
    counts = write_rows(rows, on_progress)
    _say_stored(rows)
    return ImportReport(
        read=file.read,
        **counts,
        merged=file.read - len(file.rejects) - len(rows),
        rejected=len(file.rejects),
        rejects_path=rejects_path,
        markets=markets,
        seconds=time.perf_counter() - started,
    )


def _write_rejects(rejects: list[Reject], *, path: Path, folder: Path) -> Path:
    """Line, reason and content of every reject as csv, named after the file; written anew."""
    target = folder / f"{path.name}.rejects.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as stream:
            out = csv.writer(stream)
            out.writerow(["line", "reason", "content"])
            out.writerows((r.line, r.reason, r.content) for r in rejects)
    except OSError as error:
        raise unreadable(target, error) from error
    return target


def quotes_store(
    symbol: str, quotes: pd.DataFrame, on_progress: ProgressCallback | None = None
) -> Market:
    """Write a quotes frame (see ml.spec) into a market, made if new; a bad row is InvalidInput."""
    raw = quotes.rename_axis("timestamp").reset_index()
    checked = check_rows(raw)
    if checked.bad.any():
        raise _bad_rows(_named(checked))
    rows, _symbols = _with_markets(checked.rows.assign(symbol=symbol))
    write_rows(merge_rows(rows), on_progress)
    return market_get_or_create(symbol)


def _with_markets(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """`rows` with market_id instead of symbol, and the symbols in order of appearance."""
    ids: dict[str, int] = {}
    symbols: list[str] = []
    if rows.empty:
        return rows, symbols
    for symbol, part in rows.groupby("symbol", sort=False)["timestamp"]:
        market = market_get_or_create(symbol, seen=part)
        ids[symbol] = market.pk
        if market.symbol not in symbols:
            symbols.append(market.symbol)
    return rows.drop(columns="symbol").assign(market_id=rows["symbol"].map(ids)), symbols


# ------------------------------------------------------------------------------------------- bulk
def price_bulk_add(*, rows: list[dict[str, Any]], market: Market | None = None) -> BulkReport:
    """Add quotes that arrived as objects: all of them, or none.

    Keys: timestamp, market (ASSET/FIAT@exchange, made if new) unless `market` is given, and the
    figures of a quote as numbers or numeric text. Raises InvalidInput: too_many_rows, or bad_rows
    with at most 20 of the bad cells named as "rows.3.bid".
    """
    limit = conf().MAX_BULK_ROWS
    if len(rows) > limit:
        raise InvalidInput(
            _("At most %(limit)s quotes at once, not %(count)s.")
            % {"limit": limit, "count": len(rows)},
            "too_many_rows",
            {"rows": _("at most %(limit)s") % {"limit": limit}},
        )
    if not rows:
        return BulkReport(0, 0, 0)
    names = ("timestamp", *FIGURES)
    checked = check_rows(pd.DataFrame({n: _cells([row.get(n) for row in rows]) for n in names}))
    problems = _named(checked)
    known = {*names, "market"}
    for number, row in enumerate(rows):
        for key in row.keys() - known:
            problems[f"rows.{number}.{str(key)[:40]}"] = _("unknown; known are: %(names)s") % {
                "names": ", ".join(sorted(known))
            }
        why = _market_problem(row, market)
        if why:
            problems[f"rows.{number}.market"] = why
    if problems:
        raise _bad_rows(problems)
    with transaction.atomic():
        table = checked.rows.assign(market_id=_market_ids(rows, market))
        counts = write_rows(merge_rows(table))
    _say_stored(table)
    return BulkReport(**counts)


def _say_stored(rows: pd.DataFrame) -> None:
    if len(rows):
        events.publish(events.QuotesStored(market_ids=tuple(rows["market_id"].unique().tolist())))


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


def _market_ids(rows: list[dict[str, Any]], market: Market | None) -> list[int]:
    if market is not None:
        return [market.pk] * len(rows)
    ids = {symbol: market_get_or_create(symbol).pk for symbol in {row["market"] for row in rows}}
    return [ids[row["market"]] for row in rows]


def _named(checked: Checked) -> dict[str, str]:
    return {
        f"rows.{int(place)}.{column}": reason
        for column, mask, reason in checked.problems
        for place in np.flatnonzero(mask)
    }


def _bad_rows(problems: dict[str, str]) -> InvalidInput:
    shown = sorted(problems.items(), key=lambda item: int(item[0].split(".")[1]))[:_MAX_NAMED]
    return InvalidInput(
        _("%(count)s figures cannot be used; nothing was written.") % {"count": len(problems)},
        "bad_rows",
        dict(shown),
    )
