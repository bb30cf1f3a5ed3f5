"""One short tree for everything the product refuses; knows no HTTP (api/errors.py maps it)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AnalyticsError(Exception):
    """`code` is stable and meant for programs; `fields` maps an input to what is wrong with it;
    `details` carries further plain values (ids, counts) into the answer's `fields`-less part."""

    code = "analytics_error"

    def __init__(
        self,
        message: Any,
        code: str | None = None,
        fields: Mapping[str, Any] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(str(message))
        self.message = str(message)
        self.code = code or type(self).code
        self.fields = dict(fields or {})
        self.details = details


class InvalidInput(AnalyticsError):
    """What was asked cannot be done as asked: the caller can mend it."""

    code = "invalid"


class NotFound(AnalyticsError):
    """There is no such market, run, model or result."""

    code = "not_found"


class Conflict(AnalyticsError):
    """The state of things forbids it now (a twin run is open, the model is already active)."""

    code = "conflict"


class NotReady(AnalyticsError):
    """Something must be done first (no model trained yet, no history); the message says what."""

    code = "not_ready"


class Unavailable(AnalyticsError):
    """The server's own fault (a broken artifact, no worker): nothing the caller can mend."""

    code = "unavailable"
