"""Stored sentences, told again in the reader's language.

A row keeps a sentence in the words of the process that stored it: nearly always English, with its
values filled in. `retold` finds the message of the catalogue that the sentence is made from, in
whichever language, and fills it anew in the language that is active now. It is for what the product
wrote; what people typed is never handed to it."""

from __future__ import annotations

import gettext as catalogues
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from django.conf import settings
from django.utils.translation import get_language, gettext, ngettext, to_locale

#: A message with fewer signs of its own than this, spaces aside, says too little to be known again;
#: it takes more where it begins with a text of anybody's, and in a value, which may quote anything.
LEAST_SIGNS, LEAST_AFTER_A_PLACE, LEAST_IN_A_VALUE, LEAST_LETTERS = 6, 8, 12, 3
#: Longer texts, or more sentences at once, are left alone; a message has at most so many of them
#: where it stands among others; a value may hold a sentence whose value holds one, so many times.
LONGEST, MOST_SENTENCES, MOST_OF_A_MESSAGE, DEEPEST = 4000, 12, 4, 3

_PLACE = re.compile(r"%\((\w+)\)[-+ #0]*\d*(?:\.\d+)?([a-zA-Z])|%%")
_NUMBER = r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?"
_KINDS = {"d": r"-?\d+", "s": ".+?", "r": ".+?"}
#: How the pattern of a message begins that begins with a count.
_COUNTED = re.compile(r"\(\?P<\w+>" + re.escape(_KINDS["d"]))
#: Where sentences are joined, the widest joint first; before a colon stands what they are about.
_BREAKS = (re.compile(r"(?<=[.!?])\s+"), re.compile(r"(?<=;) "), re.compile(r"(?<=:) "))


@dataclass(frozen=True)
class _Message:
    """A message of the catalogue; `plural` is empty where it has one form only."""

    one: str
    plural: str

    def told(self, values: Mapping[str, str], alone: bool) -> str:
        """In the active language. `alone` says that it was found in the form of one thing."""
        if not self.plural:
            return _filled(gettext(self.one), values)
        many = [int(value) for value in values.values() if value.isdecimal() and int(value) != 1]
        count = 1 if alone else (many or [2])[0]
        return _filled(ngettext(self.one, self.plural, count), values)


@dataclass(frozen=True)
class _Form:
    """A message as one language writes it: its own pieces, and the pattern of the whole."""

    message: _Message
    alone: bool
    pieces: tuple[str, ...]
    source: str
    longest: str
    weight: int

    def is_specific(self, *, within: bool = False) -> bool:
        """Whether it says enough for a text to be its rendering by no chance; `within` a value?"""
        letters = sum(sign.isalpha() for piece in self.pieces for sign in piece)
        after = LEAST_IN_A_VALUE if within else LEAST_AFTER_A_PLACE
        begins = self.pieces[0].strip() or _COUNTED.match(self.source)
        least = LEAST_SIGNS if begins else after
        return self.weight >= least and letters >= LEAST_LETTERS

    def may_fit(self, text: str) -> bool:
        """Whether the pieces stand in the text in their order: far cheaper than the pattern, which
        then hardly ever looks for long."""
        first, *between, last = self.pieces
        end = len(text) - len(last)
        at = len(first)
        if end < at or not (text.startswith(first) and text.endswith(last)):
            return False
        for piece in between:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    def values(self, text: str) -> dict[str, str] | None:
        """What the text has in the form's places; nothing where it is no such text."""
        found = _pattern(self.source).fullmatch(text) if self.may_fit(text) else None
        return found.groupdict() if found else None


@dataclass(frozen=True)
class _Catalogue:
    """All forms: those without places by their text, the others with the heaviest first."""

    exact: Mapping[str, tuple[_Message, bool]]
    placed: tuple[_Form, ...]


def retold(text: str) -> str:
    """The text in the active language, where it is one of the product's; else as it is."""
    if not text or len(text) > LONGEST:
        return text
    return _retold(text, get_language() or "")


def retold_label(text: str) -> str:
    """The same for what heads a line: a single word is told too."""
    known = _catalogue().exact.get(text)
    return known[0].told({}, known[1]) if known else retold(text)


@lru_cache(maxsize=2048)
def _retold(text: str, language: str) -> str:
    return _told(text, 0)


def _told(text: str, depth: int) -> str:
    """The whole where it is known, else each part that is."""
    found = _whole(text, depth)
    if found is not None:
        return found
    for breaks in _BREAKS:
        parts = breaks.split(text)
        if 1 < len(parts) <= MOST_SENTENCES:
            gaps = [*breaks.findall(text), ""]
            return "".join(_in_turn(parts, gaps, depth))
    return text


def _in_turn(parts: list[str], gaps: list[str], depth: int) -> Iterator[str]:
    """The parts one after the other, as many at a time as one message holds."""
    at = 0
    while at < len(parts):
        for end in range(min(at + MOST_OF_A_MESSAGE, len(parts)), at, -1):
            text = "".join(a + b for a, b in zip(parts[at:end], gaps[at:end], strict=True))
            gap = gaps[end - 1]
            found = _whole(text.removesuffix(gap), depth)
            if found is not None:
                break
        yield (_told(parts[at], depth) if found is None else found) + gap
        at = end


def _whole(text: str, depth: int) -> str | None:
    """The text as a rendering of one message. Single words are none: a market, a file or a column
    may be called so."""
    catalogue = _catalogue()
    known = catalogue.exact.get(text) if " " in text else None
    if known:
        return known[0].told({}, known[1])
    for form in [form for form in catalogue.placed if form.longest in text]:
        values = form.values(text)
        if values is not None and form.is_specific(within=depth > 0):
            told = {name: _value(value, depth) for name, value in values.items()}
            return form.message.told(told, form.alone)
    return None


def _value(value: str, depth: int) -> str:
    return _told(value, depth + 1) if depth < DEEPEST and " " in value else value


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The values are text already: how the template would have written them does not matter."""
    if not values:
        return template
    return _PLACE.sub(lambda place: values.get(place[1], place[0]) if place[1] else "%", template)


# ------------------------------------------------------------------------------- the catalogue
@cache
def _catalogue() -> _Catalogue:
    """Of every language; read once a process, when something is to be told for the first time."""
    exact: dict[str, tuple[_Message, bool]] = {}
    placed: dict[str, _Form] = {}
    for message, alone, text in _written():
        form = _form(message, alone, text)
        if len(form.pieces) == 1:
            exact.setdefault(text, (message, alone))
        elif form.is_specific():
            placed.setdefault(text, form)
    return _Catalogue(exact, tuple(sorted(placed.values(), key=lambda form: -form.weight)))


def _written() -> Iterator[tuple[_Message, bool, str]]:
    """Each message in each of its forms: first in English, which the catalogues are keyed by."""
    entries = [entry for file in _files() for entry in _entries(file)]
    for message, _translations in entries:
        yield message, bool(message.plural), message.one
        if message.plural:
            yield message, False, message.plural
    for message, translations in entries:
        for place, text in enumerate(translations):
            yield message, bool(message.plural) and place == 0, text


def _files() -> Iterator[str]:
    for language, _name in settings.LANGUAGES:
        for folder in settings.LOCALE_PATHS:
            yield from catalogues.find("django", folder, [to_locale(language)], all=True)


def _entries(file: str) -> Iterator[tuple[_Message, list[str]]]:
    """Messages of a compiled catalogue with their translations. Python's and Django's own readers
    forget the English plural."""
    data = Path(file).read_bytes()
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, ids, texts = struct.unpack_from(f"{order}3I", data, 8)

    def read(table: int, row: int) -> list[str]:
        length, start = struct.unpack_from(f"{order}2I", data, table + 8 * row)
        return data[start : start + length].decode().split("\0")

    for row in range(count):
        one, *plural = read(ids, row)
        if one and "\4" not in one:
            yield _Message(one, "".join(plural)), read(texts, row)


def _form(message: _Message, alone: bool, text: str) -> _Form:
    pieces, source, seen, at = [""], "", set(), 0
    for place in _PLACE.finditer(text):
        pieces[-1] += text[at : place.start()]
        source += re.escape(text[at : place.start()])
        at = place.end()
        name, kind = place.groups()
        if name is None:
            pieces[-1] += "%"
            source += "%"
            continue
        pieces.append("")
        source += f"(?P={name})" if name in seen else f"(?P<{name}>{_KINDS.get(kind, _NUMBER)})"
        seen.add(name)
    pieces[-1] += text[at:]
    source += re.escape(text[at:])
    weight = len("".join("".join(pieces).split()))
    return _Form(message, alone, tuple(pieces), source, max(pieces, key=len), weight)


@cache
def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source, re.DOTALL)
