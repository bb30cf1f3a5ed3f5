"""The one error shape: {"code", "message", "fields"}, with plain details such as run_id beside."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from django.http.request import UnreadablePostError
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from analytics.exceptions import (
    AnalyticsError,
    Conflict,
    InvalidInput,
    NotFound,
    NotReady,
    Unavailable,
)
from analytics.retelling import retold
from analytics.services.failures import failure_of
from analytics.venue_words import reason
from analytics.venues.errors import CircuitOpen, CollectionError, RateLimited

log = logging.getLogger("analytics.api")
_LONGEST_TEXT = 500

_STATUS: tuple[tuple[type[AnalyticsError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (NotReady, 409),
    (Unavailable, 503),
    (InvalidInput, 400),
    (CircuitOpen, 503),
    (RateLimited, 503),
    (CollectionError, 502),
)


class LengthRequired(drf.APIException):
    """Django reads a body without Content-Length as empty, which would silently drop it."""

    status_code = 411
    default_code = "length_required"
    default_detail = "Send the body with a Content-Length."


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """Every exception of a view becomes an answer in the one shape; DRF calls this."""
    set_rollback()
    return refusal(exc, context)


def refusal(exc: Exception, context: dict[str, Any]) -> Response:
    """What the request is refused with. What is the server's fault names the request, as the log
    does."""
    response = _answered(exc, context)
    request_id = getattr(context.get("request"), "request_id", None)
    if response.status_code >= 500 and request_id:
        response.data["request_id"] = request_id
    return response


def _answered(exc: Exception, context: dict[str, Any]) -> Response:
    if isinstance(exc, CollectionError):
        return _collection(exc)
    if isinstance(exc, AnalyticsError):
        return _analytics(exc)
    exc = _as_drf(exc)
    if isinstance(exc, drf.ValidationError):
        return _validation(exc)
    if isinstance(exc, drf.APIException):
        return _api(exc)
    if isinstance(exc, RequestDataTooBig):
        return answer(413, "too_big", _("The body is larger than this server reads."))
    if isinstance(exc, (SuspiciousOperation, BadRequest, UnreadablePostError)):
        return answer(400, "bad_request", _("The request could not be read."))
    request = context.get("request")
    failure = failure_of(exc)
    if failure is not None:
        log.error("%s: %s", getattr(request, "path", "?"), failure)
        # Who asks may be anybody: with the database away nobody can be asked for a token.
        unnamed = None if settings.DEBUG else failure_of(exc, why=_("the server's log says why"))
        return _analytics(unnamed or failure)
    log.error("Unexpected error in %s", getattr(request, "path", "?"), exc_info=exc)
    return answer(500, "internal", _("The server met an unexpected error; it was logged."))


def _as_drf(exc: Exception) -> Exception:
    """What Django raises, as DRF calls it."""
    if isinstance(exc, Http404):
        return drf.NotFound()
    if isinstance(exc, PermissionDenied):
        return drf.PermissionDenied()
    if isinstance(exc, DjangoValidationError):
        named = hasattr(exc, "error_dict")
        return drf.ValidationError(exc.message_dict if named else exc.messages)
    return exc


def error_body(code: str, message: Any, fields: Any = None, **details: Any) -> dict[str, Any]:
    """The shape first; a detail may add to it, never replace a part of it."""
    shape = {"code": str(code), "message": str(message), "fields": dict(fields or {})}
    return {**shape, **details, **shape}


def answer(
    status: int,
    code: str,
    message: Any,
    fields: Any = None,
    headers: dict[str, str] | None = None,
    **details: Any,
) -> Response:
    """A refusal in the one shape."""
    body = error_body(code, message, fields, **details)
    return Response(body, status=status, headers=headers)


def _analytics(exc: AnalyticsError) -> Response:
    status = next((number for kind, number in _STATUS if isinstance(exc, kind)), 400)
    details = dict(exc.details)
    if "run_id" in details:
        details["status_url"] = reverse("api:training-run-detail", args=[details["run_id"]])
    body = error_body(exc.code, retold(exc.message), _told(exc.fields), **details)
    return Response(body, status=status)


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Venues know no translations: what they say of a field comes in English."""
    return {name: retold(said) if isinstance(said, str) else said for name, said in fields.items()}


def _collection(exc: CollectionError) -> Response:
    """A marketplace's fault (502), or one that is to be left alone for now (503). The message is
    for people, `reason` says exactly what was wrong."""
    status = next(number for kind, number in _STATUS if isinstance(exc, kind))
    details = {**exc.details, "reason": retold(exc.message)}
    headers = {}
    if status == 503 and exc.retry_after:
        details["retry_after"] = int(exc.retry_after) + 1
        headers["Retry-After"] = str(details["retry_after"])
    body = error_body(exc.code, reason(exc.code), _told(exc.fields), **details)
    return Response(body, status=status, headers=headers)


def _api(exc: drf.APIException) -> Response:
    headers: dict[str, str] = {}
    details: dict[str, Any] = {}
    status = exc.status_code
    if isinstance(exc, (drf.NotAuthenticated, drf.AuthenticationFailed)):
        # DRF would say 403, because session authentication comes first and names no scheme.
        status, headers["WWW-Authenticate"] = 401, "Token"
    if isinstance(exc, drf.Throttled) and exc.wait is not None:
        details["retry_after"] = int(exc.wait) + 1
        headers["Retry-After"] = str(details["retry_after"])
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else exc.default_code
    return answer(status, code, exc.detail, getattr(exc, "fields", None), headers, **details)


def _validation(exc: drf.ValidationError) -> Response:
    fields: dict[str, str] = {}
    general: list[str] = []
    for path, text in _flatten(exc.detail):
        if path:
            fields[path] = f"{fields[path]} {text}" if path in fields else text
        else:
            general.append(text)
    if not general:
        general = [_("Wrong input: %(names)s.") % {"names": ", ".join(fields)}]
    return answer(400, "invalid", " ".join(general), fields)


def _flatten(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted path, text) of every message in DRF's nested lists and dictionaries."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = "" if name in ("non_field_errors", "__all__") else str(name)
            yield from _flatten(inner, ".".join(part for part in (path, own) if part))
    elif isinstance(detail, (list, tuple)):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, (dict, list))
            step = f"{path}.{index}".lstrip(".") if nested else path
            yield from _flatten(inner, step)
    else:
        # DRF repeats what was sent, which may be long.
        yield path, str(detail)[:_LONGEST_TEXT]
