"""Rows of quotes: checked column by column, whoever sent them, and written once, however often.

Cells arrive as text or as numbers; an empty one means "unknown". From here on they are float64, as
in every frame and in the database: a figure that a double does not print back as it was quoted is
refused, never rounded. Rows of one market and moment are one quote: their
figures are laid over each other, a later known figure wins, an unknown one never erases. That makes
every import idempotent, and resumable after a kill at any chunk.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics.lazily import np, pd
from analytics.services.prices.reading.quotes import AHEAD, EARLIEST, out_of_range
from analytics.services.prices.storing import FIGURES, rows_store

#: The header of a file of quotes as collectors write it.
_SIDED = [column.file_name for column in ml.QUOTE_SCHEMA if column.side]
QUOTE_HEADER = ",".join(["timestamp", "asset", "fiat", "exchange", *_SIDED])
CHUNK_ROWS = 10_000
#: Seconds between two chunks. Who waits for SQLite's write lock looks again every 100 ms at the
#: latest; without a gap, chunk after chunk starves other writers until they give up after 20 s.
LOCK_GAP = 0.12
_SURE_DIGITS = 15
_MOMENT = (
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?"
)
_KEY = ["market_id", "timestamp"]

#: (rows read or written so far, all of them or None while unknown)
ProgressCallback = Callable[[int, int | None], None]


# ----------------------------------------------------------------------------------------- checked
@dataclass
class Checked:
    """`rows`: timestamp (aware UTC, whole microseconds) and every figure as float64, NaN where
    unknown. `problems`: (column, mask of rows, reason), in the order in which they were found."""

    rows: pd.DataFrame
    problems: list[tuple[str, np.ndarray, str]] = field(default_factory=list)

    def refuse(self, column: str, mask: np.ndarray, reason: str) -> None:
        """Keep the reason against the rows of the mask, if there are any."""
        if mask.any():
            self.problems.append((column, mask, reason))

    @property
    def bad(self) -> np.ndarray:
        """(rows,) whether anything is wrong with a row."""
        masks = [mask for _column, mask, _reason in self.problems]
        return np.logical_or.reduce(masks) if masks else np.zeros(len(self.rows), dtype=bool)


def check_rows(raw: pd.DataFrame) -> Checked:
    """Check `timestamp` and every known figure of `raw`; figures that it lacks are unknown."""
    checked = Checked(pd.DataFrame(index=raw.index))
    checked.rows["timestamp"] = _moments(raw["timestamp"], checked)
    for column in ml.QUOTE_SCHEMA:
        known = column.name in raw
        checked.rows[column.name] = _figure(column, raw[column.name], checked) if known else np.nan
    priced = checked.rows[list(ml.PRICE_COLUMNS)].notna().any(axis=1).to_numpy()
    checked.refuse("price", ~priced & ~checked.bad, _("no price at all: give bid, ask or price"))
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
    checked.refuse("timestamp", moments.isna().to_numpy(), _("not an ISO 8601 time"))
    checked.refuse("timestamp", (moments < EARLIEST).to_numpy(), _("before 2009"))
    checked.refuse("timestamp", (moments > timezone.now() + AHEAD).to_numpy(), _("in the future"))
    return moments


def _text(cells: pd.Series) -> pd.Series:
    """Stripped text; None where the cell is empty or null."""
    known = cells.notna()
    text = cells.where(known, "").astype(str).str.strip()
    return text.where(text.ne(""), None)


def _figure(column: ml.QuoteColumn, cells: pd.Series, checked: Checked) -> np.ndarray:
    """(n,) float64 of a column's cells, held against its range."""
    if pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells.dtype):
        blank = cells.isna().to_numpy()
        values = cells.to_numpy(dtype="float64", na_value=np.nan, copy=True)
    else:
        text = _text(cells)
        blank = text.isna().to_numpy()
        numbers = pd.to_numeric(text.where(~blank, "0"), errors="coerce")
        values = np.where(blank, np.nan, numbers.to_numpy(dtype="float64"))
        checked.refuse(column.name, _inexact(text, values), _("more digits than can be kept"))
    wrong = ~blank & ~np.isfinite(values)
    checked.refuse(column.name, wrong, _("not a number"))
    values[wrong] = np.nan
    for mask, why in out_of_range(column, values):
        checked.refuse(column.name, mask, why)
    return values


def _inexact(text: pd.Series, values: np.ndarray) -> np.ndarray:
    """(n,) mask of the cells whose figure a double does not hold as it is written."""
    out = np.zeros(len(text), dtype=bool)
    # Up to 15 digits it always does.
    long = np.isfinite(values) & (text.str.len().fillna(0) > _SURE_DIGITS).to_numpy(dtype=bool)
    for number in np.flatnonzero(long).tolist():
        try:
            written = Decimal(text.iloc[number])
        except InvalidOperation:
            continue
        out[number] = written != Decimal(repr(float(values[number])))
    return out


# ----------------------------------------------------------------------------------------- written
def merge_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per market and moment, in that order: the last known figure of each column. `rows`
    (market_id, timestamp, figures) may lack figures that none of them knows."""
    if rows.empty:
        return rows
    columns = [*_KEY, *(name for name in FIGURES if name in rows)]
    ids, moments = (rows[name].astype("int64").to_numpy() for name in _KEY)
    if _rising(ids, moments):  # the usual case of a file
        return pd.DataFrame({name: rows[name] for name in columns}, copy=False)
    order = np.lexsort((moments, ids))
    same = (np.diff(ids[order]) == 0) & (np.diff(moments[order]) == 0)
    starts = np.flatnonzero(np.r_[True, ~same])
    merged = {name: rows[name].iloc[order[starts]].reset_index(drop=True) for name in _KEY}
    for name in columns[len(_KEY) :]:
        merged[name] = _last_known(rows[name].to_numpy(dtype="float64")[order], starts)
    return pd.DataFrame(merged, columns=columns, copy=False)


def _rising(ids: np.ndarray, moments: np.ndarray) -> bool:
    """Whether rows are in their order, and no two of one moment."""
    later = (ids[1:] == ids[:-1]) & (moments[1:] > moments[:-1])
    return bool((later | (ids[1:] > ids[:-1])).all())


def _last_known(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(groups,) of (n,) values in groups that begin at `starts`; NaN where none is known."""
    if len(starts) == len(values):
        return values
    places = np.where(np.isnan(values), -1, np.arange(len(values)))
    last = np.maximum.accumulate(places)[np.r_[starts[1:], len(values)] - 1]
    return np.where(last >= starts, values[last], np.nan)


def write_rows(rows: pd.DataFrame, on_progress: ProgressCallback | None = None) -> dict[str, int]:
    """Write merged rows (market_id, timestamp, known figures), a transaction per chunk; answers how
    many were new, updated and unchanged."""
    counts: Counter[str] = Counter(new=0, updated=0, unchanged=0)
    for first in range(0, len(rows), CHUNK_ROWS):
        chunk = rows.iloc[first : first + CHUNK_ROWS].reindex(columns=[*_KEY, *FIGURES])
        counts.update(rows_store(chunk))
        if on_progress:
            on_progress(first + len(chunk), len(rows))
        if first + len(chunk) < len(rows):
            _let_others_write()
    return dict(counts)


def _let_others_write() -> None:
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(LOCK_GAP)
