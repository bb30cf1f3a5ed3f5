"""The OpenAPI document: valid, complete, and its examples are true to its own schemas."""

from __future__ import annotations

import io
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from django.conf import settings
from django.core.management import call_command

from analytics.api import schema as words
from tests.analytics.api.test_access import ACCOUNT, ADDRESSES, OPEN, STAFF

from .conftest import ROOT

METHODS = {"get", "post", "put", "patch", "delete"}
#: What is no call of the API: its list of links, its document, the document's page.
PAGES = {"", "schema", "docs", "redoc"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    out = io.StringIO()
    call_command(
        "spectacular", "--fail-on-warn", "--validate", "--format", "openapi-json", stdout=out
    )
    return json.loads(out.getvalue())


def test_the_document_is_in_one_language(client):
    told = [
        client.get(f"{ROOT}schema", headers={"Accept-Language": language}).content
        for language in ("en", "es")
    ]
    assert told[0] == told[1]


def calls(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            assert method in METHODS
            yield method, path.removeprefix(ROOT).strip("/"), call


def test_it_is_openapi_3_1_and_says_how_to_begin(document):
    assert document["openapi"] == "3.1.0"
    assert "'nullable'" not in repr(document)  # of 3.0; nobody reads it in 3.1
    for word in ("Authorization: Token", "ETag", "fields", "format=csv", "Accept-Language"):
        assert word in document["info"]["description"]
    assert set(document["components"]["securitySchemes"]) == {"cookieAuth", "tokenAuth"}


def test_every_address_that_there_is_is_documented_and_no_other(document):
    named = {re.sub(r"\{\w+\}", "1", path) for _method, path, _call in calls(document)}
    # The dot of card.md is lost where the access test makes an address of a pattern.
    assert {name.replace("card.md", "cardmd") for name in named} == {
        address.replace("card.md", "cardmd") for address in ADDRESSES if address not in PAGES
    }
    for method, path, _call in calls(document):
        place = re.sub(r"\{\w+\}", "1", path)
        may = {"GET"} | ACCOUNT.get(place, set()) | STAFF.get(place, set())
        assert place in OPEN or method.upper() in may, (method, place)


def test_every_call_has_an_id_of_its_own_words_a_tag_and_says_who_may(document):
    tags = {tag["name"] for tag in document["tags"]}
    ids = [call["operationId"] for _method, _path, call in calls(document)]
    assert len(ids) == len(set(ids)) > 50
    used = set()
    for _method, path, call in calls(document):
        where = call["operationId"]
        assert re.fullmatch(r"[a-z_]+", where)
        assert call["summary"], where
        assert len(call["description"]) > 20, where
        assert call["description"] != call["summary"], where
        assert len(call["tags"]) == 1, where
        used |= set(call["tags"])
        assert bool(call.get("security")) == (path not in OPEN), where
    assert used == tags
    assert all(tag["description"] for tag in document["tags"])


def test_every_call_has_its_success_and_its_refusals_in_the_one_shape(document):
    for _method, path, call in calls(document):
        where, answers = call["operationId"], call["responses"]
        assert any(code.startswith("2") for code in answers), where
        assert {"401", "403"} <= answers.keys(), where
        assert answers.keys() & {"400", "404"}, where
        for code, answer in answers.items():
            assert answer["description"], (where, code)
            if code >= "400":
                assert list(answer["content"]) == ["application/json"], (where, code)
                shape = answer["content"]["application/json"]["schema"]
                assert shape == {"$ref": "#/components/schemas/Error"}, (where, code)
        if "{" in path:
            assert "404" in answers, where


def test_every_list_is_documented_as_json_and_csv(document):
    for _method, path, call in calls(document):
        if not call["operationId"].endswith("_list"):
            continue
        content = call["responses"]["200"]["content"]
        assert set(content) == {"application/json", "text/csv"}, path
        form = next(p for p in call["parameters"] if p["name"] == "format")
        assert form["schema"]["enum"] == ["csv", "json"]


def test_every_parameter_and_every_field_is_explained(document):
    bare = [
        (call["operationId"], parameter["name"])
        for _method, _path, call in calls(document)
        for parameter in call.get("parameters", ())
        if not parameter.get("description")
    ]
    bare += [
        (name, field)
        for name, schema in document["components"]["schemas"].items()
        for field, facts in schema.get("properties", {}).items()
        if not facts.get("description")
    ]
    assert bare == []


def test_every_body_has_an_example(document):
    for _method, _path, call in calls(document):
        body = call.get("requestBody", {}).get("content", {}).get("application/json")
        assert body is None or body.get("examples"), call["operationId"]


def test_every_example_is_what_its_schema_says(document):
    checked = 0
    for _method, _path, call in calls(document):
        parts = [call.get("requestBody", {}), *call["responses"].values()]
        for media in (m for part in parts for m in part.get("content", {}).values()):
            schema = {**media["schema"], "components": document["components"]}
            for example in media.get("examples", {}).values():
                jsonschema.Draft202012Validator(schema).validate(example["value"])
                checked += 1
    assert checked > 100


def test_an_example_names_nothing_that_the_schema_does_not_know(document):
    """A field that was renamed must not live on in an example."""
    schemas = document["components"]["schemas"]
    for _method, _path, call in calls(document):
        for part in (call.get("requestBody", {}), call["responses"].get("200", {})):
            media = part.get("content", {}).get("application/json", {})
            name = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
            known = schemas.get(name, {}).get("properties")
            for example in media.get("examples", {}).values():
                if known and isinstance(example["value"], dict):
                    assert example["value"].keys() <= known.keys(), call["operationId"]


def test_words_and_examples_are_of_calls_and_fields_that_there_are(document):
    text = tomllib.loads(words._WORDS.read_text(encoding="utf-8"))
    ids = {call["operationId"] for _method, _path, call in calls(document)}
    assert set(text["operations"]) == ids
    assert set(json.loads(words._EXAMPLES.read_text(encoding="utf-8"))) <= ids
    schemas = document["components"]["schemas"]
    fields = {f for schema in schemas.values() for f in schema.get("properties", {})}
    names = fields | {
        p["name"] for _method, _path, call in calls(document) for p in call.get("parameters", ())
    }
    for name, value in text["fields"].items():
        if isinstance(value, dict):
            assert value.keys() <= schemas[name]["properties"].keys(), name
        else:
            assert name in names


@pytest.mark.parametrize("name", ["AlertRule", "AlertDelivery"])
def test_what_is_about_no_single_market_may_have_none(document, name):
    schema = document["components"]["schemas"][name]["properties"]["market"]
    assert schema["type"] == ["string", "null"]


def test_a_choice_that_may_be_left_blank_may_be_answered_blank(document):
    reason = document["components"]["schemas"]["TrainingRun"]["properties"]["reason"]
    assert {"$ref": "#/components/schemas/BlankEnum"} in reason["oneOf"]


def test_a_paged_list_says_that_a_page_may_not_be_there(document):
    paged = [
        call
        for method, _path, call in calls(document)
        if method == "get" and "page" in {p["name"] for p in call.get("parameters", ())}
    ]
    assert len(paged) > 8
    assert all("404" in call["responses"] for call in paged)


# ------------------------------------------------------------------------------------- its pages
@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "es"])
def test_the_page_of_the_document_has_a_language_a_title_and_landmarks(api, language):
    page = api.get("docs", accept="text/html", **{"accept-language": language}).content.decode()
    assert f'<html lang="{language}">' in page
    assert re.search(r"<title>[^<]+ · Paralelo</title>", page)
    assert page.count("<main") == page.count("<header") == page.count("<nav") == 1
    # Strict: no script in the page's text.
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert "<style" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["", "markets", "prices", "training-runs", "dl/predict-price"])
def test_a_browsed_page_has_a_language_a_title_and_one_main_part(api, quotes, path):
    page = api.get(path, accept="text/html", **{"accept-language": "es"}).content.decode()
    assert '<html lang="es">' in page
    assert page.count('role="main"') == 1
    title = re.search(r"<title>([^<]+)</title>", page)
    assert title
    assert "Paralelo" in title[1]
    assert "Django REST framework" not in page


def test_the_document_is_named_in_api_md():
    text = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
    for word in ("OpenAPI 3.1", "format=csv", "If-None-Match", "export", "recipes.md"):
        assert word in text
