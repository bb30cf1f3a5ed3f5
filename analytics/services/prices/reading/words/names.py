"""What the name of a column says, in English or Spanish, with or without accents, capitals, units.

A name only suggests: a column is what its name says if its cells agree (see columns).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from analytics.services.prices.reading.words import vocabulary
from analytics.services.prices.reading.words.codes import CURRENCIES, NAMES, words

_ORDER = re.compile(r"\b(d{1,2}[/. -]m{1,3}[/. -][ya]{2,4}|m{1,3}[/. -]d{1,2}[/. -][ya]{2,4})\b")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OFFSET = re.compile(r"(?i)(?:utc|gmt)[ _]?([+\-\u2212\u2013]?)0?(\d{1,2})(?::?(\d{2}))?(?!\d)")
_MOST_HOURS = 12
_LONGEST = 80


@dataclass(frozen=True)
class ColumnName:
    """`role`: what the column would be, "" unknown; `rank`: 0 the best of several of one role.
    `units`: currencies in the name. `utc`, `zone`, `order`: what it says of times."""

    text: str
    role: str
    rank: int = 0
    units: frozenset[str] = frozenset()
    utc: bool = False
    zone: str | None = None
    order: str | None = None

    @property
    def key(self) -> str:
        """The name as it is compared: no case, accents, spaces."""
        return plain_key(self.text)


def plain_key(text: str) -> str:
    """A name without case, accents and signs."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(r"[^\w]|_", "", "".join(c for c in folded if not unicodedata.combining(c)))


@lru_cache(maxsize=4096)
def column_name(text: str) -> ColumnName:
    """What a name says; see ColumnName."""
    folded = unicodedata.normalize("NFKD", text)
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    found = _ORDER.search(folded.lower())
    order = None if found is None else ("dmy" if found[1].startswith("d") else "mdy")
    if found is not None:
        folded = folded.lower().replace(found[1], "")
    tokens = [t for part in re.split(r"[^A-Za-z0-9]+", folded) for t in _split(part)]
    units = frozenset(t for t in tokens if t in CURRENCIES)
    rest = [t for t in tokens if t not in units and t not in NAMES and not t.isdigit()]
    utc, zone = _clock_of(folded, rest)
    rest = [
        t
        for t in rest
        if t not in vocabulary.PLACES
        and t not in ("utc", "gmt", "local")
        and t not in vocabulary.NOISE
    ]
    if len(text) > _LONGEST:
        role, rank = "", 0
    elif "%" in text:
        role, rank = "ignored", 0
    elif len(text.strip()) == 1 and text.strip().lower() in vocabulary.LETTERS:
        role, rank = vocabulary.LETTERS[text.strip().lower()], 1
    else:
        role, rank = _role(rest, bool(units))
    return ColumnName(text, role, rank, units, utc, zone, order)


def _clock_of(name: str, tokens: list[str]) -> tuple[bool, str | None]:
    """(whether a name says UTC, the zone of the place or of the offset in it): Fecha (UTC-4). One
    that says neither for certain (utc_4, UTC+5:30) says nothing."""
    if found := _OFFSET.search(name):
        hours = int(found[2])
        whole = found[1] and found[3] in (None, "00") and hours <= _MOST_HOURS
        if hours == 0 and found[3] in (None, "00"):
            return True, None
        # The names of these zones count the other way round: UTC-4 is Etc/GMT+4.
        return False, f"Etc/GMT{'-' if found[1] == '+' else '+'}{hours}" if whole else None
    place = next((vocabulary.PLACES[t] for t in tokens if t in vocabulary.PLACES), None)
    return "utc" in tokens or "gmt" in tokens, place


def _split(part: str) -> list[str]:
    """The words of a part: by its capitals, and run-together ones where every piece is known."""
    words: list[str] = []
    for word in _CAMEL.split(part) if not part.isupper() else [part]:
        words += _pieces(word.lower()) or [word.lower()]
    return [word for word in words if word]


def _pieces(word: str) -> list[str] | None:
    if word in vocabulary.VOCABULARY or len(word) < 5:
        return [word] if word in vocabulary.VOCABULARY else None
    for cut in range(len(word) - 2, 1, -1):
        if word[:cut] in vocabulary.VOCABULARY and (rest := _pieces(word[cut:])):
            return [word[:cut], *rest]
    return None


def _role(tokens: list[str], has_unit: bool) -> tuple[str, int]:
    said = frozenset(tokens)
    if not said:
        return ("unit", 0) if has_unit else ("", 0)
    if (said & vocabulary.CHANGE and not said & words("rate tasa tipo")) or said & words(
        "taker maker"
    ):
        return "ignored", 0
    for role, keys in vocabulary.MARKET.items():
        if said <= keys | words("code codigo asset currency unit id trading") and said & keys:
            return role, 0
    sides = [side for side, keys in vocabulary.SIDES.items() if said & keys]
    if len(sides) == 1:
        return _side_role(sides[0], said - vocabulary.SIDES[sides[0]])
    if said <= vocabulary.SIDE or said == words("trade type") or said == words("order type"):
        return "side", 0
    if said & vocabulary.TIME and not said & (vocabulary.PRICE - vocabulary.LOOSE):
        rank = (
            2 if said & (vocabulary.LATE | vocabulary.CLOSE) else int(bool(said & vocabulary.NOTED))
        )
        return "time", rank + bool(
            said - vocabulary.TIME - vocabulary.LATE - vocabulary.OPEN - vocabulary.CLOSE
        )
    return _figure_role(said)


def _side_role(side: str, rest: frozenset[str]) -> tuple[str, int]:
    """A price of a side, or what else is known of it."""
    if rest & (vocabulary.OPEN | vocabulary.HIGH | vocabulary.LOW) and not rest & vocabulary.CLOSE:
        return "ignored", 0
    if rest & words("vwap weighted"):
        return f"{side}_vwap", 0
    if rest & vocabulary.OFFERS:
        return f"{side}_offers", 0
    if rest & vocabulary.VOLUME:
        return f"{side}_volume", 0
    if rest & words("trade type id"):
        return "ignored", 0
    return side, int(
        bool(rest - vocabulary.PRICE - vocabulary.BEST - vocabulary.CLOSE - vocabulary.TIME)
    )


def _figure_role(said: frozenset[str]) -> tuple[str, int]:
    if said & vocabulary.NO_PRICE:
        return "ignored", 0
    if said & vocabulary.CLOSE:
        return "price", int(bool(said - vocabulary.CLOSE - vocabulary.PRICE))
    for role, keys in (
        ("open", vocabulary.OPEN),
        ("high", vocabulary.HIGH),
        ("low", vocabulary.LOW),
    ):
        if said & keys:
            return role, 0
    if said & words("ads anuncios ofertas") and not said & vocabulary.PRICE:
        return "offers", 0
    if said & vocabulary.VOLUME:
        return ("ignored" if "quote" in said else "volume"), int(bool(said - vocabulary.VOLUME))
    if said & vocabulary.PRICE:
        return "price", 2 + bool(said & vocabulary.AVERAGE) + bool(
            said - vocabulary.PRICE - vocabulary.AVERAGE - vocabulary.BEST
        )
    if said & vocabulary.AVERAGE:
        return "price", 4
    if said & vocabulary.OFFERS:
        return "ignored", 0
    return "", 0
