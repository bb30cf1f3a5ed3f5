"""Any series in a file -> its rows as they stand, for scoring; knows no database.

Other than an import, which keeps the good rows and names the rejects, a scoring answers for every
row of its input: nothing is dropped, sorted or rounded, and a row that cannot be read stops it.
Quotes are read by the one reader; a csv of `timestamp,value` may hold any figures, also such as no
price can be.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.lazily import np, pd
from analytics.services.prices import reading as reader
from analytics.services.prices.reading import ReadOptions
from analytics.services.prices.reading.decisions import Reject, empty, unreadable

VALUE = "value"
_PRICES = {"price", "close", "bid", "ask", "bid_price", "ask_price"}
_GZIP = b"\x1f\x8b"
_UNKNOWN = frozenset(("", "nan", "na", "n/a", "null", "none"))


@dataclass(frozen=True)
class SeriesFile:
    """`timestamps` as text, exactly as in the file; `rows` under a UTC index, float64, NaN where
    unknown, in the order of the file. `decisions`: how it was read."""

    timestamps: pd.Series
    rows: pd.DataFrame
    decisions: tuple[str, ...] = ()


def read_series_file(path: Path, options: ReadOptions | None = None) -> SeriesFile:
    """Raises InvalidInput: no_file, empty_file, bad_file, bad_header, bad_rows, and what leaves a
    file of quotes open (see read_quotes)."""
    values = _values(path)
    return _of_values(path, values) if values is not None else _of_quotes(path, options)


def _of_quotes(path: Path, options: ReadOptions | None) -> SeriesFile:
    reading = reader.read_quotes(
        path, options or ReadOptions(needs_market=False, needs_price=False)
    )
    blocks: list[reader.QuoteBlock] = []
    for block in reading.blocks():
        if block.rejects:
            raise _bad_row(block.rejects[0])
        blocks.append(block)
    rows = pd.concat([block.rows for block in blocks], ignore_index=True)
    if rows.empty:
        raise empty(path.name)
    times = pd.Series([str(cell) for block in blocks for cell in block.times.to_pylist()])
    index = pd.DatetimeIndex(rows["timestamp"]).as_unit("ns")
    figures = rows.drop(columns=["symbol", "timestamp"]).set_axis(index)
    decisions = tuple(str(one) for one in reading.decisions)
    return SeriesFile(times, figures.dropna(axis="columns", how="all"), decisions)


def _bad_row(reject: Reject) -> InvalidInput:
    name, _colon, why = reject.reason.partition(": ")
    return InvalidInput(
        _("Row %(row)s cannot be used: %(why)s.") % {"row": reject.row, "why": reject.reason},
        "bad_rows",
        {name: why or reject.reason},
    )


# ------------------------------------------------------------------------------------ plain values
def _values(path: Path) -> pd.DataFrame | None:
    """Every cell of a csv with the columns timestamp and value as text; None for anything else."""
    try:
        with path.open("rb") as stream:
            zipped = stream.read(2) == _GZIP
        with (gzip.open if zipped else open)(path, "rt", encoding="utf-8-sig", newline="") as text:
            names = [name.strip().lower() for name in text.readline(1000).split(",")]
            if not {"timestamp", VALUE} <= set(names) or _PRICES & set(names):
                return None
            text.seek(0)
            return pd.read_csv(
                text, dtype=str, keep_default_na=False, index_col=False, header=0, names=names
            )
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return None
    except (OSError, EOFError, zlib.error, pd.errors.ParserError) as error:
        raise unreadable(path.name, error) from error


def _of_values(path: Path, raw: pd.DataFrame) -> SeriesFile:
    if raw.empty:
        raise InvalidInput(
            _("%(file)s has a header and no rows.") % {"file": path.name},
            "empty_file",
            {"path": _("no rows")},
        )
    stamps = raw["timestamp"].fillna("")
    moments = pd.to_datetime(stamps.str.strip(), utc=True, errors="coerce", format="ISO8601")
    _refuse("timestamp", moments.isna().to_numpy(), stamps, _("not an ISO 8601 time"))
    index = pd.DatetimeIndex(moments).as_unit("ns")
    return SeriesFile(stamps, pd.DataFrame({VALUE: _figure(VALUE, raw[VALUE])}, index=index))


def _figure(name: str, cells: pd.Series) -> np.ndarray:
    text = cells.fillna("").str.strip()
    blank = text.str.lower().isin(_UNKNOWN).to_numpy()
    numbers = pd.to_numeric(text.where(~blank, "0"), errors="coerce").to_numpy(dtype="float64")
    _refuse(name, ~np.isfinite(numbers), cells, _("not a number; leave unknown cells empty"))
    return np.where(blank, np.nan, numbers)


def _refuse(name: str, wrong: np.ndarray, cells: pd.Series, why: str) -> None:
    """Raise for the first wrong cell, naming its row."""
    if not wrong.any():
        return
    row = int(np.flatnonzero(wrong)[0])
    raise InvalidInput(
        _("Row %(row)s has %(cell)s as %(name)s.")
        % {"row": row + 1, "cell": repr(str(cells.iloc[row])[:40]), "name": name},
        "bad_rows",
        {name: why},
    )
