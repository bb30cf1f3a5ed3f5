"""What the OpenAPI document says of each call, in one place: summary, input, answer and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from analytics.api.answers import ErrorSerializer

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


def errors(*codes: int) -> dict[int, OpenApiResponse]:
    """What a call may be refused with; credentials may lack everywhere."""
    return {code: OpenApiResponse(ErrorSerializer, _ERRORS[code]) for code in (401, 403, *codes)}


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
    status: int | tuple[int, str] = 200,
    fails: Iterable[int] = (400,),
    **kwargs: Any,
) -> Callable:
    """extend_schema with the errors of the one shape added."""
    # Without a description of its own, a call would be described by its class's docstring.
    kwargs.setdefault("description", summary)
    return extend_schema(summary=summary, responses={status: ok, **errors(*fails)}, **kwargs)
