"""Cells that people write -> plain tokens: digits, marks, an exponent. Nothing is decided here.

A token keeps its points and commas, because only the whole column says what they mean; what is
certain in itself (an Arabic decimal mark, a group set off by a space) is written with an exponent
instead: 1234.5 as 12345e-1.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache

from analytics.lazily import pa, pc
from analytics.services.prices.reading.words.codes import CURRENCIES, NAMES, SIGNS, words

#: What stands for "unknown" in a cell, in lower case.
UNKNOWN = words(
    "nan nat null none nil n/a na n.a. n.a n/d n.d. nd s/d s.d. <na> - -- --- – — . .. ... ? "
    "#n/a #n/d #na #null! #div/0! #¡div/0! #value! #¡valor! #ref! #¡ref! #num! #¡num! #name? "
    "#¿nombre? unknown desconocido missing undefined"
) | {"", "sin dato", "sin datos", "no data", "no disponible", "not available", "nulo"}
PLAIN = r"^[+-]?(\d[\d.,]*|[.,]\d+)([eE][+-]?\d{1,4})?$"
_PLAIN = re.compile(PLAIN, re.ASCII)
#: Groups of two or three digits, one decimal mark: 12.03.2025 is none.
_NUMBER = re.compile(
    r"^[+-]?(\d+|\d{1,3}(\.\d{2,3})*\.\d{3}(?!\.)|\d{1,3}(,\d{2,3})*,\d{3}(?!,))?([.,]\d*)?"
    r"([eE][+-]?\d+)?$"
)
_SPACES = "\u00a0\u1680\u202f\u205f\u3000\t\r\n\v\f" + "".join(map(chr, range(0x2000, 0x200B)))
_NOTHING = "\ufeff\u00ad\u2066\u2067\u2068\u2069" + "".join(
    map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F)))
)
_MARKS = {
    "-": "−‐‑‒﹣－", "+": "＋", "'": "’‘´`ʼ＇", ".": "．", ",": "，", ":": "：", "/": "／",
    "T": "Ｔ", "Z": "Ｚ", " ": _SPACES, "": _NOTHING,
}  # fmt: skip
_TABLE = {ord(odd): plain for plain, odds in _MARKS.items() for odd in odds}
_UNIT_BEFORE = re.compile(r"^([+-]?)\s*([^\W\d]*[^\w\s'+-]*[^\W\d]*[^\w\s'+-]?)\s*([+-]?[\d.,].*)$")
_UNIT_AFTER = re.compile(r"^(.*[\d.,])\s*([^\W\d]+(?:/[^\W\d]+|\.)?|[^\w\s.,]|[^\W\d]*\$[^\W\d]?)$")
_UNITS = CURRENCIES | SIGNS | NAMES
_GROUPED = re.compile(r"^[+-]?\d{1,3}(?:[ '٬]\d{3})+(?:[.,٫]\d+)?$|^[+-]?\d+٫\d+$")
_SCALED = re.compile(r"^([+-]?(?:\d[\d.,]*|[.,]\d+)) ?(k|mil|m|mm|mn|b|bn|t)$", re.IGNORECASE)
_POWERS = {"k": 3, "mil": 3, "m": 6, "mm": 6, "mn": 6, "b": 9, "bn": 9, "t": 12}


def plain_text(text: str) -> str:
    """ASCII digits and marks, single spaces, no invisible characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    text = text.translate(_TABLE)
    if not text.isascii():
        text = "".join(
            str(unicodedata.decimal(c)) if not c.isascii() and c.isdecimal() else c for c in text
        )
    return " ".join(text.split())


@lru_cache(maxsize=65_536)
def token(text: str) -> str | None:
    """The token of a cell, None for an unknown figure; what is no number comes back unchanged."""
    plain = plain_text(text)
    if plain.lower() in UNKNOWN:
        return None
    if _PLAIN.match(plain):
        return plain
    bare = _without_unit(plain).lstrip("'")
    if _PLAIN.match(bare):
        return bare
    if _GROUPED.match(bare):
        return number_token(Decimal(re.sub("[ '٬]", "", bare).replace("٫", ".").replace(",", ".")))
    if found := _SCALED.match(bare):
        return f"{found[1]}e{_POWERS[found[2].lower()]}"
    return text


def _without_unit(text: str) -> str:
    """The figure without the currency before or after it."""
    if (found := _UNIT_BEFORE.match(text)) and found[2].lower() in _UNITS:
        text = found[1] + found[3]
    if (found := _UNIT_AFTER.match(text)) and _UNITS.issuperset(found[2].lower().split("/")):
        text = found[1]
    return text.strip()


def number_token(value: Decimal) -> str:
    """A token that means `value` however marks are read."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value():
        return f"{value.to_integral_value():f}"
    sign, digits, exponent = value.as_tuple()
    return f"{'-' if sign else ''}{''.join(map(str, digits))}e{exponent}"


def tokens(cells: pa.Array) -> pa.Array:
    """The tokens of a column of text (null: unknown). Only cells that are not plain already are
    looked at one by one."""
    odd = pc.invert(pc.fill_null(pc.match_substring_regex(cells, PLAIN), True))
    places = pc.indices_nonzero(odd)
    if not len(places):
        return cells
    found = [token(text) for text in pc.take(cells, places).to_pylist()]
    return pc.replace_with_mask(cells, odd, pa.array(found, pa.string()))


def is_number(text: str) -> bool:
    """Whether a cell is written as a figure, whatever its marks mean."""
    found = token(text)
    return found is not None and _NUMBER.match(found) is not None
