"""What venues say can be told in the reader's language, though they know no translations."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override

from analytics.alerts.channels import channel_options, get_channel_kind
from analytics.alerts.rules import get_kind, params_of
from analytics.exceptions import InvalidInput
from analytics.retelling import retold
from analytics.services.collection.sources import venues_described
from analytics.venue_words import told
from analytics.venues import errors
from analytics.venues.errors import BadVenueConfig
from analytics.venues.options import BookOptions, make_options
from analytics.venues.reading import at, items, parse_json
from analytics.venues.registry import get_venue
from analytics.venues.texts import Text

VENUES = Path(errors.__file__).parent
KINDS = {
    name
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, Exception)
}
JSON = get_venue("json").options
URL = {"url": "https://quotes.example/x", "ask": "ask"}

WRONG: list[tuple[Any, dict[str, Any]]] = [
    (BookOptions, {"max_pages": 0}),
    (BookOptions, {"max_pages": 1.5}),
    (BookOptions, {"max_pages": "many"}),
    (BookOptions, {"timeout": float("inf")}),
    (BookOptions, {"timeout": "soon"}),
    (BookOptions, {"timeout": None}),
    (BookOptions, {"payments": [1]}),
    (BookOptions, {"merchants_only": "yes"}),
    (BookOptions, {"base_url": 7}),
    (BookOptions, {"base_url": "ftp://quotes.example"}),
    (BookOptions, {"base_url": "https://me:secret@quotes.example"}),
    (BookOptions, {"speed": 1}),
    (JSON, {**URL, "method": "PUT"}),
    (JSON, {**URL, "headers": []}),
    (JSON, {**URL, "headers": {"Host": "x"}}),
    (JSON, {**URL, "headers": {"X-Key": "é"}}),
    (JSON, {**URL, "body": {"a": 1}}),
    (JSON, {**URL, "ask": "a["}),
    (JSON, {**URL, "ask": ""}),
    (JSON, {**URL, "ask": "a" * 301}),
    (JSON, {**URL, "time_format": "%H"}),
    (JSON, {**URL, "base_url": "https://quotes.example"}),
]


@pytest.mark.parametrize(("kind", "values"), WRONG)
def test_a_wrong_option_is_told_in_the_readers_language(kind: Any, values: dict[str, Any]) -> None:
    with pytest.raises(BadVenueConfig) as refused:
        make_options(kind, values)
    english = refused.value.fields
    with override("es"):
        spanish = told(english)
    assert english
    assert all(type(problem) is Text for problem in english.values())
    assert spanish.keys() == english.keys()
    for name, text in english.items():
        assert spanish[name] != text
        assert "%(" not in spanish[name].replace("%%", "%(")


def test_rules_and_channels_tell_a_range_in_spanish() -> None:
    with override("es"):
        with pytest.raises(InvalidInput) as rule:
            params_of(get_kind("model_expired"), {"days": 0})
        with pytest.raises(InvalidInput) as channel:
            channel_options(get_channel_kind("webhook"), {"url": "quotes", "key": "x"})
    assert rule.value.fields == {"days": "debe estar entre 1 y 3650"}
    assert channel.value.fields["key"] == "debe empezar por whsec_"
    assert channel.value.fields["url"].startswith("debe ser una dirección completa")


def test_everything_described_of_a_venue_is_translated() -> None:
    def texts() -> list[str]:
        found = []
        for venue in venues_described():
            found += [venue["terms"], *(option["help"] for option in venue["options"])]
        return found

    with override("en"):
        english = texts()
    with override("es"):
        spanish = texts()
    assert len(english) > 60
    same = [text for text, other in zip(english, spanish, strict=True) if text == other]
    assert same == []


def unmarked(source: str) -> Iterator[str]:
    """Messages of errors, and of `changed`, that are written out but not as a `_(...)`."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func)
        said = call.args[:1] if name in KINDS else call.args[1:] if name == "changed" else []
        fields = [k.value for k in call.keywords if k.arg == "fields" and name in KINDS]
        said += [value for one in fields if isinstance(one, ast.Dict) for value in one.values]
        yield from (
            ast.unparse(one) for one in said if isinstance(one, ast.Constant | ast.JoinedStr)
        )


def test_every_error_of_a_venue_is_marked_for_translation() -> None:
    files = sorted(VENUES.rglob("*.py"))
    assert len(files) > 30
    assert {
        str(f.relative_to(VENUES)): found for f in files if (found := [*unmarked(f.read_text())])
    } == {}


def test_an_error_that_is_not_marked_is_found() -> None:
    source = """
raise EmptyBook("Nobody there.")
raise NotJson(_("ok"), fields={"a": f"not {b}", "c": _("ok")})
raise changed(path, "a list")
"""
    assert list(unmarked(source)) == ["'Nobody there.'", "f'not {b}'", "'a list'"]


@pytest.mark.parametrize(
    ("read", "message", "field"),
    [
        (
            lambda: at({}, "data.ads"),
            "La respuesta de la plataforma no tiene el campo 'data.ads'.",
            "no está",
        ),
        (
            lambda: items({"ads": 1}, "ads"),
            "El campo 'ads' de la respuesta de la plataforma no es una lista.",
            "debe ser una lista",
        ),
        (
            lambda: parse_json(b"<html>"),
            "La plataforma respondió con una página HTML en vez de JSON.",
            "",
        ),
    ],
)
def test_what_was_stored_of_an_error_is_told_in_the_readers_language(
    read: Any, message: str, field: str
) -> None:
    with pytest.raises(errors.CollectionError) as failed:
        read()
    stored, fields = str(failed.value), {k: str(v) for k, v in failed.value.fields.items()}
    with override("es"):
        assert retold(stored) == message
        assert [retold(text) for text in fields.values()] == ([field] if field else [])
    with override("en"):
        assert retold(message) == stored
