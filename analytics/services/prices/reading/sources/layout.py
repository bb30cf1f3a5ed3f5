"""Where the table stands among the rows of a source: preamble, header, first row of data.

A row of data has a time and a figure, a header has names. The same look decides between the
delimiters of a text, finds the line with the names, and tells a table from none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput, one_line
from analytics.services.prices.reading.cells.dates import read_fields
from analytics.services.prices.reading.cells.stamps import stamp_strength
from analytics.services.prices.reading.cells.tokens import is_number
from analytics.services.prices.reading.decisions import shortened
from analytics.services.prices.reading.words.names import column_name

#: Rows that are looked at; a preamble is shorter.
LOOKED_AT = 200
_MOST_CONTINUED = 3
_NO_NAMES = ("", "unit", "ignored")
Row = Sequence[str]


@dataclass(frozen=True)
class Layout:
    """`first`: index of the first data row. `names`: one per column, "" where it has none. `hints`:
    what the other rows of the header say of each column (tickers, units). `header`: the index of
    the row with the names, None without. `data`: how many of the rows are data."""

    first: int
    names: tuple[str, ...]
    hints: tuple[tuple[str, ...], ...]
    header: int | None
    data: int

    def __post_init__(self) -> None:
        """Names are shown and stored: a control character in one must reach neither."""
        object.__setattr__(self, "names", tuple(map(one_line, self.names)))
        object.__setattr__(self, "hints", tuple(tuple(map(one_line, h)) for h in self.hints))


def time_strength(text: str) -> int:
    """2: a time; 1: a number that may be one (a serial day, 20250301); 0: none."""
    if not any(c.isdigit() for c in text):
        return 0
    if is_number(text):
        return stamp_strength(text.strip())
    return 2 if read_fields(text) is not None else 0


def find_layout(rows: Sequence[Row]) -> Layout | None:
    """The layout of the first rows of a source; None where there is neither data nor a header."""
    strength = [_data_strength(row) for row in rows]
    best = max(strength, default=0)
    data = [place for place, found in enumerate(strength) if found == best] if best else []
    width = Counter(len(rows[place]) for place in data).most_common(1)[0][0] if data else 0
    data = [place for place in data if len(rows[place]) == width]
    until = data[0] if data else len(rows)
    header = _header_row(rows[:until], width)
    if header is None:
        return None if not data else Layout(until, ("",) * width, ((),) * width, None, len(data))
    first = _first_row(rows, header, until)
    names = [cell.strip() for cell in rows[header]]
    names = _aligned(names, width, [rows[place] for place in data])
    return Layout(first, tuple(names), _hints(rows, header, first, len(names)), header, len(data))


def _data_strength(row: Row) -> int:
    """2: a time and a figure; 1: a number that may be a time, and a figure; 0: no data."""
    times = [time_strength(cell) for cell in row]
    best = max(times, default=0)
    if not best:
        return 0
    place = times.index(best)
    figures = any(is_number(cell) for n, cell in enumerate(row) if n != place)
    return best if figures else 0


def _names_in(row: Row) -> int:
    return sum(column_name(cell).role not in _NO_NAMES for cell in row)


def _header_row(rows: Sequence[Row], width: int) -> int | None:
    """The row with most known names; else the last row of the data's width that is not blank."""
    scores = [_names_in(row) for row in rows]
    best = max(scores, default=0)
    if best >= 2 or (best and width):
        return scores.index(best)
    fitting = [n for n, row in enumerate(rows) if len(row) == width and any(c.strip() for c in row)]
    if not fitting or any(is_number(cell) for cell in rows[fitting[-1]]):
        return None
    return fitting[-1]


def _first_row(rows: Sequence[Row], header: int, until: int) -> int:
    """The first row after the header and the rows that continue it: units, tickers, blank lines. A
    row with a figure or a time in it is data, even if it is broken."""
    first = header + 1
    while first < min(until, header + 1 + _MOST_CONTINUED) and until < len(rows):
        row = rows[first]
        said = any(is_number(cell) or time_strength(cell) == 2 for cell in row)
        if said or len(row) > len(rows[header]):
            break
        if len(row) == 1 and row[0].strip():
            break
        first += 1
    return first


def _hints(rows: Sequence[Row], header: int, first: int, width: int) -> tuple[tuple[str, ...], ...]:
    """Per column, the cells of the header's other rows; those above stand for the ones right of
    them too, as merged cells are exported."""
    above = [row for row in rows[:header] if 1 < len(row) <= width and sum(map(bool, row)) > 1]
    below = rows[header + 1 : first]
    columns: list[list[str]] = [[] for _column in range(width)]
    for row in above[-_MOST_CONTINUED:]:
        last = ""
        for place, cell in enumerate(row):
            last = cell.strip() or last
            columns[place].append(last)
    for row in below:
        for place, cell in enumerate(row[:width]):
            columns[place].append(cell.strip())
    return tuple(tuple(filter(None, cells)) for cells in columns)


def _aligned(names: list[str], width: int, data: Sequence[Row]) -> list[str]:
    """The names over the cells that they belong to. Raises InvalidInput (bad_header) where the rows
    have more cells than the header has names and the surplus is not blank."""
    if not data or len(names) == width:
        return names
    while len(names) > width and not names[-1]:
        names.pop()
    surplus = width - len(names)
    if surplus <= 0 or all(not cell.strip() for row in data for cell in row[len(names) :]):
        return names + [""] * max(surplus, 0)
    numbered = surplus == 1 and all(row[0].strip().isdigit() and len(row[0]) < 9 for row in data)
    if numbered and column_name(names[0]).role == "time":
        return ["", *names]
    raise InvalidInput(
        _("The header has %(names)s names, but the rows have %(cells)s cells: %(row)s.")
        % {"names": len(names), "cells": width, "row": shortened(" | ".join(data[0]), 120)},
        "bad_header",
        {"header": _("a decimal comma outside quotes cannot be told from a separator")},
    )
