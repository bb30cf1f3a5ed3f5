"""A file before it is imported: its columns, how it would be read, where it leaves that open."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analytics.exceptions import InvalidInput
from analytics.lazily import pd
from analytics.services.prices import reading as reader
from analytics.services.prices.importing import price_read
from analytics.services.prices.markets import market_find, similar_markets
from analytics.services.prices.reading import Decision, ReadOptions, Reject

#: Rows up to which the whole file is read for its preview, so that rejects are counted.
MOST_COUNTED = 100_000
SHOWN = 8


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame()


@dataclass(frozen=True, kw_only=True)
class ImportPreview:
    """`columns` are the names in the header, "" for one without. `stop` is why the file cannot be
    read as asked, None where it can; then `rows` are the first ones as they would be stored,
    `rejects` those before and among them, and `summary` counts the whole file, if it is not too
    long for that. `new_markets` would be made: symbol -> a question where a
    known one looks alike."""

    columns: tuple[str, ...] = ()
    stop: InvalidInput | None = None
    decisions: tuple[Decision, ...] = ()
    rows: pd.DataFrame = field(default_factory=_no_rows)
    rejects: tuple[Reject, ...] = ()
    summary: tuple[str, ...] = ()
    enough: bool = True
    count: int = 0
    new_markets: Mapping[str, str] = field(default_factory=dict)


def import_preview(*, path: Path, options: Mapping[str, Any]) -> ImportPreview:
    """How `ReadOptions(**options)` would read a file; nothing is stored, nothing raised."""
    columns: tuple[str, ...] = ()
    try:
        asked = ReadOptions(**options)
        columns = reader.open_table(path, path.name, asked, []).layout.names
        reading = price_read(path, asked)
        rows, rejects = reading.preview(SHOWN)
        whole = reading.rows <= MOST_COUNTED
        if whole:
            deque(reading.blocks(), maxlen=0)
    except InvalidInput as stop:
        return ImportPreview(columns=columns, stop=stop)
    return ImportPreview(
        columns=columns,
        decisions=reading.decisions,
        rows=rows,
        rejects=tuple(rejects),
        summary=tuple(reading.summary()) if whole else (),
        enough=not whole or reading.enough,
        count=reading.rows,
        new_markets=_new_markets(rows),
    )


def _new_markets(rows: pd.DataFrame) -> dict[str, str]:
    symbols = [] if rows.empty else pd.unique(rows["symbol"].astype(str)).tolist()
    return similar_markets(symbol for symbol in symbols if market_find(symbol) is None)
