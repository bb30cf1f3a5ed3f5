"""What the OpenAPI document says of each call, in one place: summary, input, answer and errors."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)
from rest_framework import serializers

from analytics.api.answers import ErrorSerializer
from analytics.api.renderers import CSVRenderer, FiniteJSONRenderer

_ERRORS = {
    400: "The input is wrong; `fields` says where.",
    401: "Credentials are needed.",
    403: "These credentials do not allow it.",
    404: "There is no such thing.",
    409: "The state of things forbids it now.",
    413: "The body is too large.",
    429: "Too often.",
    502: "A marketplace did not answer as it should; `code` says how.",
    503: "Nothing on the server can answer now.",
}
_TYPES: tuple[tuple[type[serializers.Field], Any], ...] = (
    (serializers.DateTimeField, OpenApiTypes.DATETIME),
    (serializers.IntegerField, OpenApiTypes.INT),
    (serializers.FloatField, OpenApiTypes.DOUBLE),
    (serializers.BooleanField, OpenApiTypes.BOOL),
)


_JSON, _CSV = FiniteJSONRenderer.media_type, CSVRenderer.media_type
#: What an error looks like, by status: one of those that are really answered.
_REFUSED: dict[int, dict[str, Any]] = {
    400: {
        "code": "invalid",
        "message": "Wrong input: threshold.",
        "fields": {"threshold": "A valid number is required."},
    },
    401: {
        "code": "not_authenticated",
        "message": "Authentication credentials were not provided.",
        "fields": {},
    },
    403: {
        "code": "permission_denied",
        "message": "You do not have permission to perform this action.",
        "fields": {},
    },
    404: {
        "code": "unknown_market",
        "message": "There is no market USDT/XXX.",
        "fields": {"market": "known: USDT/BOB@binance_p2p"},
    },
}
_WORDS = Path(__file__).with_name("openapi.toml")
_EXAMPLES = Path(__file__).with_name("openapi_examples.json")
_UNCHANGED = "It is what the ETag in `If-None-Match` stands for."


class ChoiceThatMayBeBlank(OpenApiSerializerFieldExtension):
    """A choice that its model may leave blank is answered blank too: read-only fields forget it."""

    target_class = serializers.ChoiceField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Any:
        model = getattr(getattr(self.target.parent, "Meta", None), "model", None)
        if self.target.read_only and model is not None:
            with suppress(FieldDoesNotExist):
                blank = model._meta.get_field(self.target.source).blank
                self.target.allow_blank = self.target.allow_blank or blank
        return auto_schema._map_serializer_field(self.target, direction, bypass_extensions=True)


def errors(*codes: int) -> dict[Any, OpenApiResponse]:
    """What a call may be refused with; credentials may lack everywhere. Always JSON, whatever
    format was asked for."""
    return {
        (code, _JSON): OpenApiResponse(
            ErrorSerializer,
            _ERRORS[code],
            [OpenApiExample("Refused", _REFUSED[code])] if code in _REFUSED else None,
        )
        for code in (401, 403, *codes)
    }


def answers(ok: Any, status: Any, summary: str) -> dict[Any, OpenApiResponse]:
    """What a call answers: JSON where nothing else is said, and lists as CSV too."""
    if isinstance(status, tuple):
        return {status: OpenApiResponse(ok, summary)}
    found = {(status, _JSON): OpenApiResponse(ok, summary)}
    if isinstance(ok, serializers.ListSerializer):
        found[status, _CSV] = OpenApiResponse(OpenApiTypes.STR, summary)
    return found


def query_of(serializer: type[serializers.Serializer]) -> list[OpenApiParameter]:
    """The same inputs as query parameters; a list is for the body alone."""
    return [
        OpenApiParameter(
            name,
            next((kind for cls, kind in _TYPES if isinstance(field, cls)), OpenApiTypes.STR),
            description=str(field.help_text or ""),
            enum=list(field.choices) if isinstance(field, serializers.ChoiceField) else None,
        )
        for name, field in serializer().fields.items()
        if not isinstance(field, serializers.ListField)
    ]


def documented(
    summary: str,
    ok: Any,
    *,
    status: int | tuple[Any, ...] = 200,
    fails: Iterable[int] | None = None,
    **kwargs: Any,
) -> Callable:
    """extend_schema with the errors of the one shape added: where nothing else is said those of
    wrong input, and of a list also that of a page that is not there."""
    if fails is None:
        fails = (400, 404) if isinstance(ok, serializers.ListSerializer) else (400,)
    # Without a description of its own, a call would be described by its class's docstring; the
    # words come from openapi.toml.
    kwargs.setdefault("description", summary)
    responses = {**answers(ok, status, summary), **errors(*fails)}
    return extend_schema(summary=summary, responses=responses, **kwargs)


# ------------------------------------------------------------------------------------------ words
@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(_WORDS.read_text(encoding="utf-8"))


@cache
def _examples() -> dict[str, Any]:
    return json.loads(_EXAMPLES.read_text(encoding="utf-8"))


def described(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """The document with words for whatever has none yet; drf-spectacular calls this last."""
    words = _words()
    fields = words["fields"]
    result["info"]["description"] = words["about"]
    for path in result["paths"].values():
        for method, call in path.items():
            text = words["operations"].get(call["operationId"])
            call["description"] = text or call["description"]
            for parameter in call.get("parameters", ()):
                _describe(parameter, fields.get(parameter["name"]))
            _exemplify(call)
            if method == "get" and _JSON in call["responses"]["200"]["content"]:
                call["responses"]["304"] = {"description": _UNCHANGED}
    for name, schema in result["components"]["schemas"].items():
        own = fields.get(name)
        for field, facts in schema.get("properties", {}).items():
            special = own.get(field) if isinstance(own, dict) else None
            _describe(facts, special or fields.get(field), always=bool(special))
    result["tags"] = [{"name": n, "description": text} for n, text in words["tags"].items()]
    return result


def _exemplify(call: dict[str, Any]) -> None:
    """Beside what the code gives, the examples of openapi_examples.json: what is sent, and what is
    answered ("sent several" is one more of what is sent)."""
    found = _examples().get(call["operationId"], {})
    answered = next((a for code, a in call["responses"].items() if code.startswith("2")), {})
    places = {"sent": call.get("requestBody", {}), "answered": answered}
    for key, value in found.items():
        place, _space, more = key.partition(" ")
        examples = places[place]["content"][_JSON].setdefault("examples", {})
        examples[f"Example, {more}" if more else "Example"] = {"value": value}


def _describe(what: dict[str, Any], text: Any, *, always: bool = False) -> None:
    if isinstance(text, str) and (always or not what.get("description")):
        what["description"] = text
