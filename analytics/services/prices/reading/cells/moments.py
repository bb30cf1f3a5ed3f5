"""Cells of time -> microseconds since 1970, under one order of day and month for the whole file.

What machines write (ISO 8601, epochs, dd/mm/yyyy hh:mm) goes through arrow; what is left is read
one by one.
"""

from __future__ import annotations

from collections.abc import Callable

from analytics.lazily import np, pa, pc
from analytics.services.prices.reading.cells.dates import is_open, moment_of, read_fields
from analytics.services.prices.reading.cells.kinds import DATE, NAIVE, ZONED, Moments
from analytics.services.prices.reading.cells.slashed import SLASHED, slashed_moments
from analytics.services.prices.reading.cells.stamps import stamp_moments

_NUMERIC = r"^(\d+([.,]\d*)?|\d{1,3}([.,]\d{3}){3,})([eE][+-]?\d+)?$"
_ISO = r"^(\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?)\d*"
_ISO_NAIVE = _ISO + "$"
_ISO_ZONED = _ISO + r" ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)$"
_DATE_LENGTH = len("2025-03-01")
#: Cells that are tried before a whole block: arrow takes long to say that it cannot read one.
_TRIED = 16
_Reader = Callable[["pa.Array", tuple[str, ...]], "dict[str, Moments] | None"]


def read_moments(cells: pa.Array, order: str) -> Moments:
    """A block of a column of times; `order` (dmy, mdy, ymd) is that of dates such as 3/4/2025."""
    return read_orders(cells, (order,))[order]


def read_orders(cells: pa.Array, orders: tuple[str, ...]) -> dict[str, Moments]:
    """Order of day and month -> what the cells are under it."""
    if pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
        return dict.fromkeys(orders, _typed(cells))
    if not pa.types.is_string(cells.type):
        numeric = _numeric(cells.type)
        found = stamp_moments(cells) if numeric else Moments.nothing(len(cells))
        return dict.fromkeys(orders, found)
    whole = _cast(cells, "UTC") or _cast(cells, None)
    return dict.fromkeys(orders, whole) if whole is not None else _mixed(cells, orders)


def _numeric(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _cast(cells: pa.Array, zone: str | None) -> Moments | None:
    """The cells if arrow can read all of them so."""
    unit = pa.timestamp("us", zone)
    try:
        pc.cast(cells[:_TRIED], unit)
        found = pc.cast(cells, unit)
    except pa.ArrowInvalid:
        return None
    kinds = _kinds(found, ZONED if zone else NAIVE)
    if zone is None:
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


def _mixed(cells: pa.Array, orders: tuple[str, ...]) -> dict[str, Moments]:
    """Every kind of cell its own way; the first pattern that fits takes it."""
    out = {order: Moments.nothing(len(cells)) for order in orders}
    left, ordered = pc.is_valid(cells), False
    readers: tuple[tuple[str, _Reader], ...] = (
        (_ISO_NAIVE, _whatever_order(_iso_naive)),
        (_ISO_ZONED, _whatever_order(_iso_zoned)),
        (SLASHED, slashed_moments),
        (_NUMERIC, _whatever_order(stamp_moments)),
        ("", _one_by_one),
    )
    for pattern, read in readers:
        mask = pc.and_(left, pc.fill_null(pc.match_substring_regex(cells, pattern), False))
        places = mask.to_numpy(zero_copy_only=False)
        if places.any():
            block = cells.filter(mask)
            for order, found in (read(block, orders) or _one_by_one(block, orders)).items():
                out[order].micros[places], out[order].kind[places] = found.micros, found.kind
                ordered |= found.ordered
            left = pc.and_not(left, mask)
    return {order: Moments(found.micros, found.kind, ordered) for order, found in out.items()}


def _whatever_order(read: Callable[[pa.Array], Moments | None]) -> _Reader:
    """A reader for cells that mean the same under every order."""

    def reader(cells: pa.Array, orders: tuple[str, ...]) -> dict[str, Moments] | None:
        found = read(cells)
        return None if found is None else dict.fromkeys(orders, found)

    return reader


def _iso_naive(cells: pa.Array) -> Moments | None:
    return _cast(pc.replace_substring_regex(cells, _ISO_NAIVE, r"\1"), None)


def _iso_zoned(cells: pa.Array) -> Moments | None:
    text = pc.replace_substring_regex(cells, _ISO_ZONED, r"\1\5")
    return _cast(pc.replace_substring_regex(text, "UTC|GMT", "Z"), "UTC")


def _one_by_one(cells: pa.Array, orders: tuple[str, ...]) -> dict[str, Moments]:
    out, ordered = {order: Moments.nothing(len(cells)) for order in orders}, False
    for place, text in enumerate(cells.to_pylist()):
        if (fields := read_fields(text)) is not None:
            ordered |= is_open(fields)
            for order in orders:
                if (found := moment_of(fields, order)) is not None:
                    out[order].micros[place], out[order].kind[place] = found.micros, found.kind
    return {order: Moments(found.micros, found.kind, ordered) for order, found in out.items()}
