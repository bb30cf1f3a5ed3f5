"""Rows of Python values (of a workbook, of JSON) -> a Table in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from analytics.lazily import np, pa
from analytics.services.prices.reading.cells.tokens import number_token
from analytics.services.prices.reading.decisions import Decision
from analytics.services.prices.reading.refusals import bad_header
from analytics.services.prices.reading.sources.layout import LOOKED_AT, Layout, find_layout
from analytics.services.prices.reading.sources.tables import BLOCK_ROWS, Block, Table

Rows = Sequence[Sequence[Any]]
_EXACT = 2**53
_INT64 = 2**63


def cell_text(value: Any) -> str:
    """A value as it would stand in a csv; a number so that no mark can be misread."""
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float | Decimal):
        return number_token(Decimal(repr(value)) if isinstance(value, float) else Decimal(value))
    if isinstance(value, dt.datetime):
        text = value.isoformat(sep=" ")
        return text.removesuffix(" 00:00:00") if value.tzinfo is None else text
    if isinstance(value, dt.timedelta):
        return str((dt.datetime(1970, 1, 1) + value).time()) if value < dt.timedelta(1) else "?"
    return str(value)


def grid_table(name: str, rows: Rows, decisions: list[Decision]) -> Table:
    """The table among these rows; raises InvalidInput (bad_header)."""
    shown = [[cell_text(value) for value in row] for row in rows[:LOOKED_AT]]
    layout = find_layout(shown)
    if layout is None:
        raise bad_header(next((row for row in shown if any(row)), []))
    return placed_grid(name, layout, rows, shown[layout.first :])


def placed_grid(name: str, layout: Layout, rows: Rows, sample: list[list[str]]) -> Table:
    """A table whose layout is known; short rows are filled with unknown cells."""
    width = len(layout.names)

    def blocks(columns: Sequence[int]) -> Iterator[Block]:
        for first in range(layout.first, len(rows), BLOCK_ROWS):
            part = rows[first : first + BLOCK_ROWS]
            cells = {
                place: column_array([row[place] if place < len(row) else None for row in part])
                for place in columns
            }
            yield Block(cells, np.arange(first + 1, first + 1 + len(part)))

    padded = [(row + [""] * width)[:width] for row in sample]
    return Table(name, layout, padded, blocks)


def column_array(values: list[Any]) -> pa.Array:
    """Numbers if all are, times if all are, else text; null where there is nothing."""
    known = [value for value in values if value is not None and value != ""]
    bare = [None if value == "" else value for value in values]
    kinds = {type(value) for value in known}
    if not kinds:
        return pa.array([None] * len(values), pa.string())
    if kinds == {int} and all(-_INT64 <= value < _INT64 for value in known):
        return pa.array(bare, pa.int64())
    if kinds <= {int, float} and all(abs(v) <= _EXACT for v in known if type(v) is int):
        return pa.array([None if v is None else float(v) for v in bare], pa.float64())
    if kinds == {dt.date}:
        return pa.array(bare, pa.date32())
    if kinds <= {dt.date, dt.datetime} and not any(getattr(v, "tzinfo", None) for v in known):
        return pa.array([_moment(value) for value in bare], pa.timestamp("us"))
    return pa.array([cell_text(value) or None for value in values], pa.string())


def _moment(value: dt.date | None) -> dt.datetime | None:
    if value is None or isinstance(value, dt.datetime):
        return value
    return dt.datetime.combine(value, dt.time())
