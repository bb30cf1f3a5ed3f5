"""Any series in a csv -> its rows as they stand, for scoring; knows no database.

Other than an import, which keeps the good rows and names the rejects, a scoring answers for every
row of its input: nothing is dropped, sorted or rounded, and a row that cannot be read stops it.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from django.utils.translation import gettext as _

import ml
from analytics.exceptions import InvalidInput
from analytics.services.prices.files import ALIASES, GZIP, first_bytes, is_empty, unreadable

VALUE = "value"
_PRICES = (*ml.PRICE_COLUMNS, VALUE)
_UNKNOWN = frozenset(("", "nan", "na", "n/a", "null", "none"))


@dataclass(frozen=True)
class SeriesFile:
    """`timestamps` as text, exactly as in the file; `rows` under a UTC index (a time without a zone
    counts as UTC), float64, NaN where unknown, in the order of the file."""

    timestamps: pd.Series
    rows: pd.DataFrame


def read_series_file(path: Path) -> SeriesFile:
    """Raises InvalidInput: no_file, empty_file, bad_file, bad_header, bad_rows."""
    raw = _read(path)
    raw.columns = [str(name).strip().lower() for name in raw.columns]
    names = _columns(raw)
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
    figures = {ours: _figure(found, raw[found]) for found, ours in names.items()}
    return SeriesFile(stamps, pd.DataFrame(figures, index=index))


def _read(path: Path) -> pd.DataFrame:
    """Every cell as text."""
    zipped = first_bytes(path)[:2] == GZIP
    try:
        with (gzip.open if zipped else open)(path, "rt", encoding="utf-8-sig", newline="") as text:
            return pd.read_csv(text, dtype=str, keep_default_na=False, index_col=False)
    except pd.errors.EmptyDataError as error:
        raise is_empty(path) from error
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise unreadable(path, error) from error


def _columns(raw: pd.DataFrame) -> dict[str, str]:
    """Column of the file -> our name of it, for those that are scored."""
    # A plain value is scored as one, not as a price.
    names = {c: c if c == VALUE else ALIASES.get(c, c) for c in raw.columns}
    names = {c: ours for c, ours in names.items() if ours in (*ml.QUOTE_COLUMNS, VALUE)}
    kept = [c for c in raw.columns if c in ("timestamp", *names)]
    twice = len(set(names.values())) < len(names) or len(set(kept)) < len(kept)
    missing = "timestamp" if "timestamp" not in raw.columns else None
    if missing is None and set(_PRICES).isdisjoint(names.values()):
        missing = "value"
    if missing or twice:
        why = _("missing; a file needs timestamp, and value, close, or bid_price and ask_price")
        raise InvalidInput(
            _("The columns cannot be used. Found: %(found)s.")
            % {"found": ",".join(raw.columns)[:300] or "-"},
            "bad_header",
            {missing or "header": why if missing else _("a column is there twice")},
        )
    if VALUE in names.values():
        return {c: ours for c, ours in names.items() if ours == VALUE}
    return names


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
