"""Files of quotes -> checked rows and rejects. csv, csv.gz and parquet; knows no database.

A csv is read line by line: one broken line costs itself, not its neighbours, and every reject can
name its line. Columns are converted block by block, so a file of millions of rows stays small.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from django.utils.translation import gettext as _

import ml
from analytics.exceptions import InvalidInput
from analytics.services.prices.markets import refuse_bad_symbol, symbol_problem
from analytics.services.prices.rows import ProgressCallback, check_rows

_PLACE = ("asset", "fiat", "exchange")
#: Header of a quote file; `exchange` and what stands before it name the row's market.
QUOTE_HEADER = ",".join(
    ("timestamp", *_PLACE, *(column.file_name for column in ml.QUOTE_SCHEMA if column.side))
)
_HEADERS = (
    QUOTE_HEADER,
    "timestamp,asset,fiat,exchange,open,high,low,close,volume",
    "timestamp,value",
)
#: What files call a column -> its name.
ALIASES = {alias: column.name for column in ml.QUOTE_SCHEMA for alias in column.aliases}
_BLOCK = 50_000
GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"


@dataclass(frozen=True)
class Reject:
    """A line of a file that is not stored, as it stands there, and why."""

    line: int
    reason: str
    content: str


@dataclass(frozen=True)
class PriceFile:
    """`rows` has symbol, timestamp (aware UTC) and every figure (float64, NaN unknown), in the
    order of the file; `read` counts its rows, good and bad."""

    rows: pd.DataFrame
    rejects: list[Reject]
    read: int


def read_price_file(
    path: Path, *, market: str | None = None, on_progress: ProgressCallback | None = None
) -> PriceFile:
    """Raises InvalidInput where no row could be used: no_file, empty_file, bad_file, bad_header,
    bad_market, market_required, market_given_twice."""
    if market is not None:
        refuse_bad_symbol(market)
    magic = _magic(path)
    blocks = _parquet_blocks if magic == _PARQUET else _csv_blocks
    tables: list[pd.DataFrame] = []
    rejects: list[Reject] = []
    read = 0
    try:
        for raw, torn in blocks(path, magic[:2] == GZIP, market):
            rows, bad = _check_block(raw, market)
            tables.append(rows)
            rejects += sorted(torn + bad, key=lambda reject: reject.line)
            read += len(raw) + len(torn)
            if on_progress:
                on_progress(read, None)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return PriceFile(rows, rejects, read)


def _magic(path: Path) -> bytes:
    """The first bytes of the file, checked against its name."""
    magic = first_bytes(path)
    if path.suffix == ".gz" and magic[:2] != GZIP:
        raise unreadable(path, _("not a gzip file"))
    if path.suffix in (".parquet", ".pq") and magic != _PARQUET:
        raise unreadable(path, _("not a parquet file"))
    return magic


def first_bytes(path: Path) -> bytes:
    """Four of them; raises InvalidInput: no_file, empty_file, bad_file."""
    if not path.is_file():
        raise InvalidInput(
            _("There is no file %(path)s.") % {"path": path}, "no_file", {"path": _("not found")}
        )
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise unreadable(path, error) from error
    if not magic:
        raise is_empty(path)
    return magic


def is_empty(path: Path) -> InvalidInput:
    """The error for a file without a line."""
    return InvalidInput(
        _("%(file)s is empty.") % {"file": path.name}, "empty_file", {"path": _("empty")}
    )


def unreadable(path: Path, why: object) -> InvalidInput:
    """The error for a file that cannot be read; `why` is what the reader said."""
    return InvalidInput(
        _("%(file)s cannot be read: %(why)s.")
        % {"file": path.name, "why": " ".join(str(why).split())[:200] or type(why).__name__},
        "bad_file",
        {"path": _("cannot be read")},
    )


# ---------------------------------------------------------------------------------- csv and parquet
def _csv_blocks(
    path: Path, zipped: bool, market: str | None
) -> Iterator[tuple[pd.DataFrame, list[Reject]]]:
    opener = gzip.open if zipped else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline=None) as stream:
        header = _header(_cells(stream.readline()), market)
        lines = ((number, line) for number, line in enumerate(stream, 2) if line.strip())
        while block := list(islice(lines, _BLOCK)):
            cells = [(number, _cells(line), line) for number, line in block]
            whole = [(number, row) for number, row, _line in cells if len(row) == len(header)]
            torn = [
                Reject(number, _wrong_count(len(header), len(row)), line.strip())
                for number, row, line in cells
                if len(row) != len(header)
            ]
            columns = list(zip(*(row for _n, row in whole), strict=True)) or [()] * len(header)
            raw = pd.DataFrame(
                {n: pd.Series(c, dtype="str") for n, c in zip(header, columns, strict=True) if n}
            )
            raw.index = pd.Index([number for number, _row in whole], dtype="int64")
            yield raw, torn


def _cells(line: str) -> list[str]:
    line = line.rstrip("\r\n")
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _wrong_count(wanted: int, found: int) -> str:
    return _("%(wanted)s columns expected, %(found)s found") % {"wanted": wanted, "found": found}


def _parquet_blocks(
    path: Path, zipped: bool, market: str | None
) -> Iterator[tuple[pd.DataFrame, list[Reject]]]:
    try:
        raw = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises many kinds for a broken file
        raise unreadable(path, error) from error
    if "timestamp" not in raw and raw.index.name == "timestamp":
        raw = raw.reset_index()
    raw.columns = _header([str(name) for name in raw.columns], market)
    raw = raw[[name for name in raw.columns if name]]
    raw.index = pd.RangeIndex(1, len(raw) + 1)
    yield raw, []


# ------------------------------------------------------------------------------------------ meaning
def _header(found: list[str], market: str | None) -> list[str]:
    """Our name of each column, "" for one that is not needed; raises InvalidInput (bad_header)."""
    plain = [name.strip().lower() for name in found]
    names = [ALIASES.get(name, name) for name in plain]
    names = [n if n in ("timestamp", *_PLACE, *ml.QUOTE_COLUMNS) else "" for n in names]
    known = [name for name in names if name]
    placed, priced = set(_PLACE) <= set(known), not set(ml.PRICE_COLUMNS).isdisjoint(known)
    if len(known) != len(set(known)) or "timestamp" not in known or not priced:
        raise _bad_header(plain)
    if placed and market is not None:
        raise InvalidInput(
            _("The file names its markets itself; leave the market out."),
            "market_given_twice",
            {"market": _("the file has asset, fiat and exchange")},
        )
    if not placed and set(_PLACE) & set(known):
        raise _bad_header(plain)
    if not placed and market is None:
        raise InvalidInput(
            _("The file does not name its market; say which: ASSET/FIAT@exchange."),
            "market_required",
            {"market": _("must be given for a file without asset, fiat and exchange")},
        )
    return names


def _bad_header(found: list[str]) -> InvalidInput:
    shown = ",".join(found)
    return InvalidInput(
        _("The header cannot be used. Expected one of: %(wanted)s. Found: %(found)s.")
        % {
            "wanted": " | ".join(_HEADERS),
            "found": (shown[:300] + "…" if len(shown) > 300 else shown) or "-",
        },
        "bad_header",
        {"header": _("not a header of quotes")},
    )


def _check_block(raw: pd.DataFrame, market: str | None) -> tuple[pd.DataFrame, list[Reject]]:
    """The good rows with their symbol, and what is wrong with the others (the first reason)."""
    checked = check_rows(raw)
    if market is not None:
        symbols = pd.Series(market.strip(), index=raw.index)
    else:
        asset, fiat, exchange = (raw[n].fillna("").astype(str).str.strip() for n in _PLACE)
        symbols = asset + "/" + fiat + "@" + exchange
    checked.rows.insert(0, "symbol", symbols)
    wrong = symbols.map({symbol: symbol_problem(symbol) for symbol in pd.unique(symbols)})
    for why in wrong.dropna().unique():
        checked.refuse("market", (wrong == why).to_numpy(dtype=bool), why)
    reasons: dict[int, str] = {}
    for column, mask, reason in checked.problems:
        for place in np.flatnonzero(mask):
            reasons.setdefault(int(place), f"{column}: {reason}")
    places = sorted(reasons)
    broken = raw.iloc[places].astype(str)
    contents = zip(*(broken[name] for name in broken.columns), strict=True)
    rejects = [
        Reject(int(raw.index[place]), reasons[place], ",".join(content))
        for place, content in zip(places, contents, strict=True)
    ]
    return checked.rows[~checked.bad], rejects
