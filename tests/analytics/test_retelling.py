"""What was stored in one language is told in another: every message of the catalogue, both ways."""

from __future__ import annotations

import re
from itertools import cycle
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.retelling import retold, retold_label

CATALOGUE = Path(__file__).resolve().parents[2] / "locale" / "es" / "LC_MESSAGES" / "django.po"
PLACE = re.compile(r"%\((\w+)\)[-+ #0]*\d*(?:\.\d+)?([a-zA-Z])")
#: Values as a market, a file, a person or an exception give them.
TEXTS = (
    *("USDT/VES@binance", "Quito-12.csv", "ana", "KeyError('x')", "row=4"),
    *("0,5", "2026-11-27 10:00", "/srv/x", "BCV", "Perú", "gru v3", "12:30"),
)
#: Too few signs of their own: any text might be one of them, so none is taken for one.
SAYS_TOO_LITTLE = {
    *("%(age)s ago", "%(eta)s left", "%(rows)s rows", "and %(n)d more", "every %(every)s"),
    *("%(figure)s %(value)s is %(side)s %(level)s", "%(free)s of %(total)s free"),
    "%(figure)s %(value)s: %(moved)s within %(hours)s h",
    *("%(n)d alert", "%(n)d day", "%(n)d days", "%(n)d hour", "%(n)d hours", "%(n)s attempt"),
    *("%(n)d step", "%(n)d steps", "%(what)s %(size)s above", "%(what)s %(size)s below"),
    *("%(name)s, %(n)d step ahead", "%(name)s, %(n)d steps ahead", "it is the %(role)s"),
    *("%(what)s missing", "%(what)s: move", "From %(low)s to %(high)s.", "Loss: %(of)s"),
    *("%(what)s: depth", "buy %(asset)s", "sell %(asset)s", "took %(took)s"),
    "lasted %(lasted)s",
}


def pairs() -> list[tuple[str, str, int]]:
    """(English, Spanish, which of its forms) of every message that has places."""
    with CATALOGUE.open("rb") as file:
        messages = [message for message in read_po(file, locale="es") if message.id]
    found = [pair for message in messages for pair in _forms(message)]
    return [pair for pair in found if PLACE.search(pair[0])]


def _forms(message: Message) -> list[tuple[str, str, int]]:
    if isinstance(message.id, str):
        return [(message.id, str(message.string), 1)]
    return [(*both, form) for form, both in enumerate(zip(message.id, message.string, strict=True))]


def values_of(template: str, form: int, turn: int) -> dict[str, object]:
    """A value for each place, all of them distinct; the count of a plural's singular is 1."""
    texts = cycle(TEXTS[turn % len(TEXTS) :] + TEXTS[: turn % len(TEXTS)])
    values: dict[str, object] = {}
    for number, (name, kind) in enumerate(PLACE.findall(template)):
        if name not in values:
            values[name] = next(texts) if kind == "s" else 3 + number + turn
    if "n" in values:
        values["n"] = 1 if form == 0 else 7 + turn
    return values


@pytest.mark.parametrize("turn", range(4))
def test_every_message_is_told_in_the_other_language_and_back(turn):
    wrong = []
    for english, spanish, form in pairs():
        values = values_of(english, form, turn)
        told = {"en": english % values, "es": spanish % values}
        for language in told:
            with translation.override(language):
                heard = {retold(text) for text in told.values()}
            if english not in SAYS_TOO_LITTLE and heard != {told[language]}:
                wrong.append((told[language], heard))
    assert wrong == []


def test_what_says_too_little_is_left_as_it_is():
    for english, spanish, form in pairs():
        if english in SAYS_TOO_LITTLE:
            values = values_of(english, form, 0)
            with translation.override("es"):
                assert retold(english % values) in (english % values, spanish % values)


@pytest.mark.parametrize(
    "text",
    [
        *("", "price", "other", "USDT/VES", "spread", "all", "12", "1,234.5 %", "  "),
        "KeyError: 'price'",
        "division by zero",
        "connect ECONNREFUSED 127.0.0.1:5432",
        "The moon is full. Nobody knows why.",
        "price: bid",
        "ana asked for it; he is right",
        "100%",
        "%(what)s",
        "9" * 5000,
    ],
)
def test_what_is_no_text_of_the_product_stays_as_it_is(text):
    for language in ("en", "es"):
        with translation.override(language):
            assert retold(text) == text


def in_both(make):
    """What `make` says in English and in Spanish."""
    said = []
    for language in ("en", "es"):
        with translation.override(language):
            said.append(make())
    return said


def test_sentences_that_were_joined_are_told_one_by_one():
    english, spanish = in_both(
        lambda: " ".join(
            [_("The import was cancelled."), "XYZ 7!", _("The memory does not suffice.")]
        )
    )
    assert english != spanish
    with translation.override("es"):
        assert retold(english) == spanish
    with translation.override("en"):
        assert retold(spanish) == english


def test_a_sentence_within_a_sentence_is_told_too():
    def said():
        why = _("The database refuses (%(why)s).") % {"why": "locked; row 7"}
        outer = _("No %(task)s model of %(market)s can be loaded: %(why)s Train one: %(line)s")
        names = {"task": "price", "market": "USDT/VES", "line": "manage.py train_model"}
        return outer % {**names, "why": why}

    english, spanish = in_both(said)
    with translation.override("es"):
        assert retold(english) == spanish


def test_what_a_sentence_is_about_stays_before_its_colon():
    english, spanish = in_both(lambda: f"bid: {_('must be a whole number')}")
    assert english != spanish
    with translation.override("es"):
        assert retold(english) == spanish


def test_names_in_a_sentence_stay_though_they_are_words():
    """A market called "price" and a file called "all"."""
    english, spanish = in_both(lambda: _("%(name)s is already being imported.") % {"name": "all"})
    with translation.override("es"):
        assert retold(english) == spanish
    assert "all" in spanish.split()


def test_one_and_many_are_told_apart():
    for count in (1, 2):
        english, spanish = in_both(
            lambda n=count: (
                ngettext("%(n)d event was noted.", "%(n)d events were noted.", n) % {"n": n}
            )
        )
        with translation.override("es"):
            assert retold(english) == spanish
        with translation.override("en"):
            assert retold(spanish) == english


def test_a_value_that_stands_twice_must_be_the_same_twice():
    twice = [
        english
        for english, _spanish, _form in pairs()
        if len(set(PLACE.findall(english))) < len(PLACE.findall(english))
    ]
    for english in twice:
        values = {name: f"value{n}" for n, (name, _kind) in enumerate(PLACE.findall(english))}
        text = (english % values).replace(next(iter(values.values())), "other", 1)
        with translation.override("es"):
            assert retold(text) != english % values


def test_a_heading_of_one_word_is_told_as_a_label_only():
    with translation.override("es"):
        assert retold("separator") == "separator"
        assert retold_label("separator") == "separador"
        assert retold_label("USDT") == "USDT"
