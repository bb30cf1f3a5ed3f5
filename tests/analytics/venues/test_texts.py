"""What venues say can be told in the reader's language, though they know no translations."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from analytics.alerts.channels import channel_options, get_channel_kind
from analytics.alerts.rules import get_kind, params_of
from analytics.exceptions import InvalidInput
from analytics.services.collection.sources import venues_described
from analytics.venue_words import told
from analytics.venues.errors import BadVenueConfig
from analytics.venues.options import BookOptions, make_options
from analytics.venues.registry import get_venue
from analytics.venues.texts import Text

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
