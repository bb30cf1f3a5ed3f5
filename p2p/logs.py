"""What a line of the log says beside its message: the request that it belongs to, and the run.

A request brings its id in X-Request-ID, or gets one; it goes back in the same header, so that a
client, a proxy and this log speak of the same request. A run's process is told its name by the
worker, in the environment."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

LINE, JSON = "line", "json"
#: What may stand in a log and a header as it was sent.
_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_request: ContextVar[str] = ContextVar("request_id", default="")


class RequestIds:
    """Gives every request an id, `request.request_id`, and every answer the header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        found = sent if _ID.fullmatch(sent) else uuid.uuid4().hex
        request.request_id = found  # type: ignore[attr-defined]
        before = _request.set(found)
        try:
            response = self.get_response(request)
        finally:
            _request.reset(before)
        response.headers["X-Request-ID"] = found
        return response


class Context(logging.Filter):
    """Puts `request_id` and `run_id` on a record, empty where there is none."""

    def __init__(self, run: str = "") -> None:
        super().__init__()
        self.run = run

    def filter(self, record: logging.LogRecord) -> bool:
        # Django tells of a refused request only when all middleware is done with it.
        told = getattr(getattr(record, "request", None), "request_id", "")
        found = {"request": _request.get() or told, "run": self.run}
        record.request_id, record.run_id = found["request"], found["run"]
        known = " ".join(f"{name}={value}" for name, value in found.items() if value)
        record.context = f" [{known}]" if known else ""
        return True


def logging_settings(*, level: str, style: str, run: str) -> dict[str, Any]:
    """Django's LOGGING: lines for people, or an object a line (PARALELO_LOG_FORMAT)."""
    if style not in (LINE, JSON):
        raise ImproperlyConfigured(f"PARALELO_LOG_FORMAT must be {LINE} or {JSON}, not {style!r}.")
    objects = {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "format": "{levelname}{name}{message}{request_id}{run_id}",
        "style": "{",
        "rename_fields": {"levelname": "level", "name": "logger"},
        "timestamp": "at",
        # Requests are no JSON, and their ids are said; the line for people is said already.
        "reserved_attrs": ["request", "context", *_record_attributes()],
    }
    line = {"format": "{asctime} {levelname} {name} {message}{context}", "style": "{"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": "p2p.logs.Context", "run": run}},
        "formatters": {LINE: line, JSON: objects},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": style,
                "filters": ["context"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
        # botocore tells every process where it found its keys.
        "loggers": {name: {"level": "WARNING"} for name in ("django-q", "botocore")},
    }


def _record_attributes() -> list[str]:
    """What every record has by itself."""
    return [*vars(logging.makeLogRecord({})), "message", "asctime"]
