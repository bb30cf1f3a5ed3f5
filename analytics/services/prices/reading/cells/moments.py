"""Cells of time -> microseconds since 1970, under one order of day and month for the whole file.

What machines write (ISO 8601, epochs, dd/mm/yyyy hh:mm) goes through arrow; what is left is read
one by one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics.services.prices.reading.cells.dates import is_open, moment_of, read_fields
from analytics.services.prices.reading.cells.kinds import DATE, NAIVE, ZONED, Moments
from analytics.services.prices.reading.cells.stamps import stamp_moments

_NUMERIC = r"^(\d+([.,]\d*)?|\d{1,3}([.,]\d{3}){3,})([eE][+-]?\d+)?$"
_REGULAR = r"^(\d{2})[/.-](\d{2})[/.-](\d{4})(,? (\d{2}:\d{2}(:\d{2})?))?$"
_ORDERED = {"dmy": r"\3-\2-\1 \5", "mdy": r"\3-\1-\2 \5"}
_MONTHS = {"dmy": r"^\d{2}.(0[1-9]|1[0-2])", "mdy": r"^(0[1-9]|1[0-2])"}
_ISO = r"^(\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?)\d*"
_ISO_NAIVE = _ISO + "$"
_ISO_ZONED = _ISO + r" ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)$"
_DATE_LENGTH = len("2025-03-01")
_LOCAL, _UTC = pa.timestamp("us"), pa.timestamp("us", "UTC")


def read_moments(cells: pa.Array, order: str) -> Moments:
    """A block of a column of times; `order` (dmy, mdy, ymd) is that of dates such as 3/4/2025."""
    if pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
        return _typed(cells)
    if not pa.types.is_string(cells.type):
        return stamp_moments(cells) if _numeric(cells.type) else Moments.nothing(len(cells))
    return _cast(cells, _UTC) or _cast(cells, _LOCAL) or _mixed(cells, order)


def _numeric(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _cast(cells: pa.Array, unit: pa.DataType) -> Moments | None:
    """The cells if arrow can read all of them so."""
    try:
        found = pc.cast(cells, unit)
    except pa.ArrowInvalid:
        return None
    kinds = _kinds(found, ZONED if unit.tz else NAIVE)
    if unit.tz is None:
        length = pc.fill_null(pc.binary_length(cells), 0).to_numpy(zero_copy_only=False)
        kinds[(kinds == NAIVE) & (length <= _DATE_LENGTH)] = DATE
    return Moments(_micros(found), kinds)


def _kinds(found: pa.Array, kind: int) -> np.ndarray:
    known = pc.is_valid(found).to_numpy(zero_copy_only=False)
    return np.where(known, kind, 0).astype("int8")


def _micros(found: pa.Array) -> np.ndarray:
    return pc.fill_null(pc.cast(found, pa.int64()), 0).to_numpy(zero_copy_only=False)


def _typed(cells: pa.Array) -> Moments:
    zone = cells.type.tz if pa.types.is_timestamp(cells.type) else None
    found = pc.cast(cells, pa.timestamp("us", zone), safe=False)
    kind = ZONED if zone else DATE if pa.types.is_date(cells.type) else NAIVE
    return Moments(_micros(found), _kinds(found, kind))


def _mixed(cells: pa.Array, order: str) -> Moments:
    """Every kind of cell its own way; the first pattern that fits takes it."""
    out = Moments.nothing(len(cells))
    left, ordered = pc.is_valid(cells), False
    readers: tuple[tuple[str, Callable[[pa.Array], Moments | None]], ...] = (
        (_ISO_NAIVE, _iso_naive),
        (_ISO_ZONED, _iso_zoned),
        (_REGULAR, lambda block: _regular(block, order)),
        (_NUMERIC, stamp_moments),
        ("", lambda block: None),
    )
    for pattern, read in readers:
        mask = pc.and_(left, pc.fill_null(pc.match_substring_regex(cells, pattern), False))
        places = mask.to_numpy(zero_copy_only=False)
        if places.any():
            block = cells.filter(mask)
            found = read(block) or _one_by_one(block, order)
            out.micros[places], out.kind[places] = found.micros, found.kind
            ordered |= found.ordered
            left = pc.and_not(left, mask)
    return Moments(out.micros, out.kind, ordered)


def _iso_naive(cells: pa.Array) -> Moments | None:
    return _cast(pc.replace_substring_regex(cells, _ISO_NAIVE, r"\1"), _LOCAL)


def _iso_zoned(cells: pa.Array) -> Moments | None:
    text = pc.replace_substring_regex(cells, _ISO_ZONED, r"\1\5")
    return _cast(pc.replace_substring_regex(text, "UTC|GMT", "Z"), _UTC)


def _regular(cells: pa.Array, order: str) -> Moments | None:
    """dd/mm/yyyy[ hh:mm[:ss]] in one go; None where some cell is no date for another reason than
    its month."""
    out = Moments.nothing(len(cells))
    if order in _ORDERED:
        good = pc.match_substring_regex(cells, _MONTHS[order])
        text = pc.replace_substring_regex(cells.filter(good), _REGULAR, _ORDERED[order])
        found = _cast(pc.utf8_rtrim_whitespace(text), _LOCAL)
        if found is None:
            return None
        places = good.to_numpy(zero_copy_only=False)
        out.micros[places], out.kind[places] = found.micros, found.kind
    return Moments(out.micros, out.kind, ordered=True)


def _one_by_one(cells: pa.Array, order: str) -> Moments:
    out, ordered = Moments.nothing(len(cells)), False
    for place, text in enumerate(cells.to_pylist()):
        if (fields := read_fields(text)) is not None:
            ordered |= is_open(fields)
            if (found := moment_of(fields, order)) is not None:
                out.micros[place], out.kind[place] = found.micros, found.kind
    return Moments(out.micros, out.kind, ordered)
