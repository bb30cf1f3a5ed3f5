"""One cell of a time as people write it, in English or Spanish -> microseconds.

Only what cannot be read by the column comes here. Nothing is guessed: the order of day and month
is the caller's decision for the whole file.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from analytics.services.prices.reading.cells.kinds import DATE, NAIVE, ZONED
from analytics.services.prices.reading.cells.tokens import plain_text
from analytics.services.prices.reading.words.codes import words

_EPOCH = dt.datetime(1970, 1, 1)
_MONTH_NAMES = (
    "jan january ene enero", "feb february febrero", "mar march marzo", "apr april abr abril",
    "may mayo", "jun june junio", "jul july julio", "aug august ago agosto",
    "sep sept september septiembre setiembre set", "oct october octubre",
    "nov november noviembre", "dec december dic diciembre",
)  # fmt: skip
MONTHS = {name: n for n, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_WEEKDAYS = words(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri "
    "sat sun lunes martes miercoles jueves viernes sabado domingo lun mie jue vie sab dom"
)
_WEEKDAY = re.compile(
    rf"^(?:(?:{'|'.join(sorted(_WEEKDAYS))})\.?|mar\.?(?=,| \d{{1,2}} (?!\d{{4}})[a-z]))[, ]+"
)
_ZONES = {
    "bot": -4, "vet": -4, "cot": -5, "pet": -5, "art": -3, "clt": -4, "clst": -3, "uyt": -3,
    "edt": -4, "pdt": -7, "cet": 1, "cest": 2,
}  # fmt: skip
_CLOCK = re.compile(
    r"(?:^|(?<=\d)[t:]|[\s,]+(?:- |at |a las? |de |las )?)"
    r"(?P<h>\d{1,2})(?:[:h](?P<m>\d{2})(?:[:m](?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?s?)?"
    r"(?: ?(?P<half>[ap])\.? ?m\.?)?|[ -]?(?P<bare_half>[ap])\.? ?m\.?)"
    rf"(?: ?(?P<zone>z|(?:utc|gmt) ?(?:[+-]\d{{1,2}}(?::?\d{{2}})?)?|[+-]\d{{2}}(?::?\d{{2}})?"
    rf"|{'|'.join(_ZONES)}))?"
    r"(?: \([a-z ]+\))?(?: hs?\.?| horas)?(?=$|[\s,])"
)
_COMPACT = re.compile(
    r"^(\d{4})(\d{2})(\d{2})[t ]?(\d{2})(\d{2})(\d{2})?"
    r"(?:\.\d+)?(z|[+-]\d{2}:?\d{2})?$"
)
_YEAR_FIRST = re.compile(r"^(\d{4})[-/. ]+(\d{1,2}|[a-z]{3,10})[-/. ]+(\d{1,2})$")
_YEAR_LAST = re.compile(
    r"^(\d{1,2}|[a-z]{3,10})(?:st|nd|rd|th|[ºo°])?\.?[-/. ,]+(?:de )?"
    r"(\d{1,2}|[a-z]{3,10})(?:st|nd|rd|th)?\.?[-/. ,]+(?:del? )?(\d{4}|\d{2})$"
)
#: 2025-03-01T06:30-04:00[America/La_Paz], as Java writes it: the offset says it all.
_ZONE_NAME = re.compile(r"(?<=[\dz])\[[\w/+-]+\]$")
#: 10:00:00 -0400 -04, 10:00:00 +0000 UTC, as Go and Ruby write it: the offset says it all.
_ZONE_TWICE = re.compile(r"(?<= [+-]\d{4}) (?:[a-z]{2,4}|[+-]\d{2,4})$")
_SHORT_DATE = re.compile(r"^(\d{8})$")
_FAR = 69  # two digits from here on are of the last century, as in strptime


class Fields(NamedTuple):
    """The parts of a cell: three of a date in the order of the cell (a name of a month as -1..-12),
    `year_first`, the clock in microseconds or None, the offset in seconds or None."""

    parts: tuple[int, int, int]
    year_first: bool
    short_year: bool
    clock: int | None
    offset: int | None


class Found(NamedTuple):
    """A date as microseconds since 1970, and its kind (see kinds)."""

    micros: int
    kind: int


def moment_of(fields: Fields, order: str) -> Found | None:
    """The moment of a cell; None where it is none under this order."""
    if (day := _date(fields, order)) is None:
        return None
    micros = (day - _EPOCH) // dt.timedelta(microseconds=1) + (fields.clock or 0)
    if fields.offset is not None:
        return Found(micros - fields.offset * 1_000_000, ZONED)
    return Found(micros, DATE if fields.clock is None else NAIVE)


@lru_cache(maxsize=65_536)
def read_fields(text: str) -> Fields | None:
    """The parts of a cell, whatever the order of day and month; None where it is no time."""
    plain = _simple(text)
    if not any(c.isdigit() for c in plain):
        return None
    if found := _COMPACT.match(plain):
        year, month, day, hour, minute, second = (int(g or 0) for g in found.groups()[:6])
        clock = _clock(hour, minute, second, "", "")
        offset = _offset(found[7])
        return None if clock is None else Fields((year, month, day), True, False, clock, offset)
    rest, clock, offset = plain, None, None
    if found := _CLOCK.search(plain):
        hour, minute, second = (int(found[name] or 0) for name in ("h", "m", "s"))
        half = found["half"] or found["bare_half"] or ""
        if (clock := _clock(hour, minute, second, found["f"] or "", half)) is None:
            return None
        offset = _offset(found["zone"])
        rest = (plain[: found.start()] + " " + plain[found.end() :]).strip(" ,t")
    elif rest.endswith(("z", " utc", " gmt")):
        rest, offset = re.sub(r" ?(z|utc|gmt)$", "", rest), 0
    return _fields(rest, clock, offset)


def _simple(text: str) -> str:
    plain = unicodedata.normalize("NFKD", plain_text(text).lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = re.sub("[年月]", "-", plain).replace("日", " ").strip()
    plain = _ZONE_TWICE.sub("", _ZONE_NAME.sub("", plain))
    plain = re.sub(r" *([/]) *", r"\1", " ".join(plain.split()))
    return _WEEKDAY.sub("", plain)


def _clock(hour: int, minute: int, second: int, fraction: str, half: str) -> int | None:
    """Microseconds since midnight; 24:00 is the next day's midnight."""
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)):
        return None
    micros = int((fraction + "000000")[:6]) if fraction else 0
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros


def _offset(zone: str | None) -> int | None:
    if not zone:
        return None
    if zone in _ZONES:
        return _ZONES[zone] * 3600
    found = re.search(r"([+-])(\d{1,2}):?(\d{2})?$", zone)
    if found is None:
        return 0
    seconds = int(found[2]) * 3600 + int(found[3] or 0) * 60
    return -seconds if found[1] == "-" else seconds


def _fields(rest: str, clock: int | None, offset: int | None) -> Fields | None:
    if found := _YEAR_FIRST.match(rest):
        parts = (int(found[1]), _part(found[2]), int(found[3]))
        return Fields(parts, True, False, clock, offset) if parts[1] else None
    if found := _YEAR_LAST.match(rest):
        first, second = _part(found[1]), _part(found[2])
        if not first or not second or (first < 0 and second < 0):
            return None
        return Fields((first, second, int(found[3])), False, len(found[3]) == 2, clock, offset)
    if found := _SHORT_DATE.match(rest):
        return Fields((int(rest[:4]), int(rest[4:6]), int(rest[6:])), True, False, clock, offset)
    return None


def _part(text: str) -> int:
    """A number, or minus the number of the month of that name; 0 where it is neither."""
    return int(text) if text.isdigit() else -MONTHS.get(text, 0)


def _date(fields: Fields, order: str) -> dt.datetime | None:
    first, second, third = fields.parts
    if fields.year_first:
        year, month, day = first, abs(second), third
    elif first < 0 or second < 0:
        year, month, day = third, -min(first, second), max(first, second)
    elif order == "ymd":
        if not fields.short_year:
            return None
        year, month, day = first, second, third
    else:
        day, month = (first, second) if order == "dmy" else (second, first)
        year = third
    if fields.short_year:
        year += 1900 if year >= _FAR else 2000
    try:
        return dt.datetime(year, month, day)
    except ValueError:
        return None


def is_open(fields: Fields) -> bool:
    """Whether the order of day and month must be known."""
    return not fields.year_first and fields.parts[0] > 0 and fields.parts[1] > 0
