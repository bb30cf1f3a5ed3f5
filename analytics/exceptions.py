"""One short tree for everything the product refuses; knows no HTTP (api/errors.py maps it)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def one_line(text: str) -> str:
    """The text without what no terminal, log or database should get of a file or a person that is
    quoted in it: line breaks, control characters, halves of characters."""
    if text.isprintable():
        return text
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class AnalyticsError(Exception):
    """`code` is stable and meant for programs; `fields` maps an input to what is wrong with it;
    `details` carries further plain values (ids, counts) into the answer's `fields`-less part.
    Message and fields are of one line each, whatever they quote."""

    code = "analytics_error"

    def __init__(
        self,
        message: Any,
        code: str | None = None,
        fields: Mapping[str, Any] | None = None,
        **details: Any,
    ) -> None:
        self.message = one_line(str(message))
        super().__init__(self.message)
        self.code = code or type(self).code
        self.fields = {
            name: one_line(said) if isinstance(said, str) else said
            for name, said in (fields or {}).items()
        }
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


class StorageAway(Unavailable):
    """The storage of the artifacts cannot be used now; says nothing of an artifact in it."""

    code = "storage_away"


class QueueAway(Unavailable):
    """The broker of the queue, where it is not the database, cannot be asked now."""

    code = "queue_away"
