"""A date and its hour in two columns -> one column of times."""

from __future__ import annotations

import re

from analytics.lazily import pa, pc
from analytics.services.prices.reading.sources.grids import cell_text

_MIDNIGHT = r"[ T]00:00(:00(\.0+)?)?$"
_DIGITS = re.compile(r"^\d{1,6}$")


def joined_times(dates: pa.Array, clocks: pa.Array) -> pa.Array:
    """Text of both; an hour may be 10:30, 10:30:05 PM, 7 (of 0 to 24), 930, 1530, 153000."""
    days = pc.replace_substring_regex(_text(dates), _MIDNIGHT, "")
    hours = pa.array([_clock(text) for text in _text(clocks).to_pylist()], pa.string())
    return pc.binary_join_element_wise(days, hours, " ")


def _text(cells: pa.Array) -> pa.Array:
    if pa.types.is_string(cells.type):
        return cells
    return pa.array([cell_text(value) or None for value in cells.to_pylist()], pa.string())


def _clock(text: str | None) -> str | None:
    """One to two digits are hours, three and four hours and minutes, five and six seconds too."""
    bare = (text or "").strip()
    if not _DIGITS.match(bare):
        return text
    if len(bare) <= 2:
        return f"{bare.zfill(2)}:00"
    full = bare.zfill(4 if len(bare) <= 4 else 6)
    return ":".join(full[n : n + 2] for n in range(0, len(full), 2))
