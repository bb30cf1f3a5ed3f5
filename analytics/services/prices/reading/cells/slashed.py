"""Dates as people and spreadsheets write them, 13/3/2025 9:05 or 3-13-25 09:05:10 PM, by column."""

from __future__ import annotations

from analytics.lazily import np, pa, pc
from analytics.services.prices.reading.cells.kinds import BAD, DATE, NAIVE, Moments

#: The three parts of a date with the year last (or short), an hour, AM or PM.
SLASHED = (
    r"^(?P<a>\d{1,2})[/.-](?P<b>\d{1,2})[/.-](?P<c>\d{4}|\d{2})"
    r"(?:,? +(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:\.(?P<f>\d{1,9}))?)?"
    r"(?: ?(?P<half>[aApP])\.? ?[mM]\.?)?)?$"
)
#: Order of day and month -> which part is the year, the month, the day.
_PLACES = {"dmy": ("c", "b", "a"), "mdy": ("c", "a", "b"), "ymd": ("a", "b", "c")}
_FAR = 69  # two digits from here on are of the last century, as in strptime
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND


def slashed_moments(cells: pa.Array, orders: tuple[str, ...]) -> dict[str, Moments]:
    """Order -> what the cells are under it; all of them match SLASHED."""
    found = pc.extract_regex(cells, SLASHED)
    texts = {field.name: pc.struct_field(found, field.name) for field in found.type}
    parts = {name: _numbers(texts[name]) for name in ("a", "b", "c", "h", "m", "s")}
    has_clock = pc.not_equal(texts["h"], "").to_numpy(zero_copy_only=False)
    clock, good = _clock(parts, texts["half"], texts["f"])
    short = pc.equal(pc.binary_length(texts["c"]), 2).to_numpy(zero_copy_only=False)
    kind = np.where(has_clock, NAIVE, DATE)
    out = {}
    for order in orders:
        year, month, day = (parts[name] for name in _PLACES[order])
        year = np.where(short, year + np.where(year >= _FAR, 1900, 2000), year)
        days, real = _days(year, month, day)
        real &= good & (short | (order != "ymd"))
        micros = np.where(real, days * _DAY + clock, 0)
        out[order] = Moments(micros, np.where(real, kind, BAD).astype("int8"), ordered=True)
    return out


def _numbers(texts: pa.Array) -> np.ndarray:
    bare = pc.if_else(pc.equal(texts, ""), "0", texts)
    return pc.cast(bare, pa.int64()).to_numpy(zero_copy_only=False)


def _clock(
    parts: dict[str, np.ndarray], half: pa.Array, fraction: pa.Array
) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds since midnight, and which hours there are; 24:00 is the next day's midnight."""
    hour, minute, second = parts["h"], parts["m"], parts["s"]
    halves = pc.utf8_lower(half).to_numpy(zero_copy_only=False)
    twelve, late = halves != "", halves == "p"
    good = np.where(twelve, (hour >= 1) & (hour <= 12), hour <= 24)
    good &= (minute < 60) & (second < 60) & ((hour < 24) | (minute + second == 0))
    hour = np.where(twelve, hour % 12 + 12 * late, hour)
    digits = pc.utf8_slice_codeunits(pc.utf8_rpad(fraction, 6, "0"), 0, 6)
    return ((hour * 60 + minute) * 60 + second) * _SECOND + _numbers(digits), good


def _days(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1970, and which dates there are."""
    real = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = np.where(real, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]").astype("int64") + day - 1
    end = (months + 1).astype("datetime64[D]").astype("int64")
    return days, real & (days < end)
