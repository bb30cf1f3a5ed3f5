"""Times written as one number: epochs of any unit, 20250301123059, a spreadsheet's serial days.

The ranges of 1990 to 2100 do not overlap, so every cell tells its own unit.
"""

from __future__ import annotations

import re

from analytics.lazily import np, pa, pc
from analytics.services.prices.reading.cells.kinds import BAD, DATE, LOST, NAIVE, ZONED, Moments

#: unit -> microseconds of one, for epochs of seconds, milli-, micro- and nanoseconds
_UNITS = {1e0: 1e6, 1e3: 1e3, 1e6: 1e0, 1e9: 1e-3}
_FIRST, _LAST = 6.3e8, 4.2e9  # seconds of 1990 and 2103
_COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_SERIAL_FIRST, _SERIAL_LAST, _SERIAL_1970 = 32_874, 73_416, 25_569
_DAY = 86_400
_NUMBER = re.compile(r"\d+([.,]\d+)?([eE][+-]?\d{1,2})?")
_GROUPED = r"^\d{1,3}([.,]\d{3}){3,}$"
_SCIENTIFIC = r"^\d\.?(?P<decimals>\d*)[eE]"
#: Digits before the exponent that a time to the second needs.
_SECOND_DIGITS = 10
#: Decimals of a serial day that tell seconds apart.
_SERIAL_DECIMALS = 5
#: Decimals of a number that was one already.
_FULL = 15


def stamp_moments(cells: pa.Array) -> Moments:
    """Numbers, or text of digits with at most a decimal mark and an exponent."""
    if pa.types.is_string(cells.type):
        cells = pc.replace_substring_regex(cells, r"^0+(\d)", r"\1")
        grouped = pc.fill_null(pc.match_substring_regex(cells, _GROUPED), False)
        cells = pc.if_else(grouped, pc.replace_substring_regex(cells, "[.,]", ""), cells)
        cells = pc.replace_substring(cells, ",", ".")
        numbers = _floats(cells)
        decimals = pc.replace_substring_regex(cells, r"^[^.]*\.?", "")
        places = pc.fill_null(pc.binary_length(decimals), 0).to_numpy(zero_copy_only=False)
        exact = pc.fill_null(pc.match_substring(cells, "e-"), False)
        places = np.where(exact.to_numpy(zero_copy_only=False), _FULL, places)
        lost = _lost(cells)
    else:
        numbers = pc.cast(cells, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        places = np.full(len(cells), _FULL)
        lost = np.zeros(len(cells), dtype=bool)
        cells = pc.cast(cells, pa.string())
    numbers = np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0)
    found = Moments.nothing(len(cells))
    _epochs(found, cells, numbers)
    _compact(found, cells, numbers)
    _serials(found, numbers, places)
    found.kind[lost & (found.kind != BAD)] = LOST
    return found


def stamp_strength(text: str) -> int:
    """Of a cell that is a number: 2 it is certainly a time (an epoch, 20250301123000), 1 it may be
    one (a serial day, 20250301), 0 it is none."""
    if _NUMBER.fullmatch(text) is None:
        return 0
    value = float(text.replace(",", "."))
    if any(_FIRST * unit <= value < _LAST * unit for unit in _UNITS):
        return 2
    compact = any(19 * 10 ** (n - 2) <= value < 21.1 * 10 ** (n - 2) for n in (12, 14))
    weak = 19e6 <= value < 21.1e6 or _SERIAL_FIRST <= value < _SERIAL_LAST
    return 2 if compact else int(weak)


def _floats(cells: pa.Array) -> np.ndarray:
    good = pc.match_substring_regex(cells, r"^(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$")
    text = pc.if_else(good, cells, pa.scalar(None, pa.string()))
    return pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False)


def _lost(cells: pa.Array) -> np.ndarray:
    """Which were written with an exponent and too few digits (1.74E+09, what Excel shows)."""
    decimals = pc.struct_field(pc.extract_regex(cells, _SCIENTIFIC), "decimals")
    digits = pc.add(pc.fill_null(pc.binary_length(decimals), _SECOND_DIGITS), 1)
    return pc.less(digits, _SECOND_DIGITS).to_numpy(zero_copy_only=False)


def _epochs(found: Moments, cells: pa.Array, numbers: np.ndarray) -> None:
    for unit, scale in _UNITS.items():
        mask = (numbers >= _FIRST * unit) & (numbers < _LAST * unit)
        if not mask.any():
            continue
        whole = pc.match_substring_regex(cells, r"^\d{16,19}$") if unit > 1e3 else None
        if whole is not None and pc.all(pc.or_kleene(whole, pa.array(~mask))).as_py():
            exact = pc.cast(cells.filter(pa.array(mask)), pa.int64()).to_numpy(zero_copy_only=False)
            found.micros[mask] = exact // round(1 / scale)
        else:
            found.micros[mask] = np.round(numbers[mask] * scale).astype("int64")
        found.kind[mask] = ZONED


def _compact(found: Moments, cells: pa.Array, numbers: np.ndarray) -> None:
    for digits, pattern in _COMPACT.items():
        low, high = 19 * 10.0 ** (digits - 2), 21.1 * 10.0 ** (digits - 2)
        mask = (numbers >= low) & (numbers < high)
        if not mask.any():
            continue
        text = pc.replace_substring_regex(cells.filter(pa.array(mask)), r"\.0*$", "")
        times = pc.strptime(text, format=pattern, unit="us", error_is_null=True)
        # strptime takes the 30th of February for the 2nd of March.
        same = pc.equal(pc.strftime(pc.cast(times, pa.timestamp("s")), format=pattern), text)
        known = pc.fill_null(same, False).to_numpy(zero_copy_only=False)
        micros = pc.fill_null(pc.cast(times, pa.int64()), 0).to_numpy(zero_copy_only=False)
        found.micros[mask] = micros
        found.kind[mask] = np.where(known, DATE if digits == 8 else NAIVE, BAD)


def _serials(found: Moments, numbers: np.ndarray, places: np.ndarray) -> None:
    """Days since 1899-12-30, as spreadsheets count. Few decimals say a time only if they are one of
    whole minutes; more are of whole seconds, eight and more of milliseconds."""
    mask = (numbers >= _SERIAL_FIRST) & (numbers < _SERIAL_LAST)
    if not mask.any():
        return
    seconds, decimals = (numbers[mask] - _SERIAL_1970) * _DAY, places[mask]
    fine = np.round(seconds, 3)
    exact = np.abs(seconds - np.round(seconds / 60) * 60) < 1e-3
    kind = np.where((decimals < _SERIAL_DECIMALS) & ~exact, LOST, NAIVE)
    kind[seconds % _DAY == 0] = DATE
    found.micros[mask] = np.round(np.where(decimals < 8, np.round(seconds), fine) * 1e6)
    found.kind[mask] = kind
