"""Rows of one side each (a column says which) -> one row for each market and moment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from analytics.lazily import np, pa, pd
from analytics.services.prices.reading.quotes import FIGURES
from analytics.services.prices.reading.rows import QuoteBlock
from analytics.services.prices.reading.sources.tables import BLOCK_ROWS

_KEYS = ["symbol", "timestamp"]


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of rows one below another, their categories united."""
    symbols = pd.Index(sorted({s for frame in frames for s in frame["symbol"].cat.categories}))
    return pd.concat([f.assign(symbol=f["symbol"].cat.set_categories(symbols)) for f in frames])


def pivoted(blocks: Iterator[QuoteBlock]) -> Iterator[QuoteBlock]:
    """The blocks without rows, then the rows in blocks of their own: the two sides of a moment may
    stand anywhere in a source, so all are held (about 250 bytes each). Of several rows of one side
    and moment the last is kept, as everywhere. A row has the number and the time of the first."""
    frames: list[pd.DataFrame] = []
    times: list[pa.Array] = []
    for block in blocks:
        if len(block.rows):
            frames.append(block.rows.dropna(axis=1, how="all"))
            times.append(block.times)
        yield dataclasses.replace(block, rows=block.rows.head(0), times=block.times[:0])
    if not frames:
        return
    wide, places = _wide(joined(frames))
    cells = pa.concat_arrays(times).take(pa.array(places))
    for first in range(0, len(wide), BLOCK_ROWS):
        part = slice(first, first + BLOCK_ROWS)
        yield QuoteBlock(wide.iloc[part], [], 0, 0, cells[part])


def _wide(rows: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """(a row for each market and moment, in the order of their first; where that stood)."""
    rows = rows.assign(row=rows.index, place=np.arange(len(rows)))
    groups = rows.groupby(_KEYS, sort=False, observed=True)
    first = groups[["row", "place"]].first()
    wide = groups.last().drop(columns=["row", "place"]).reset_index()
    wide.index = pd.Index(first["row"].to_numpy(), name="row")
    return wide.reindex(columns=[*_KEYS, *FIGURES]), first["place"].to_numpy()
