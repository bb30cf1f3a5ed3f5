"""What a server refuses, and what a run can end with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx


class ParaleloError(Exception):
    """A refusal: `code` is for programs, the message for people, `fields` names what is wrong."""

    def __init__(
        self,
        code: str,
        message: str,
        fields: Mapping[str, str] | None = None,
        *,
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = dict(fields or {})
        self.status = status
        #: What stands beside the shape: run_id, needed, retry_after ...
        self.details = dict(details or {})

    def __str__(self) -> str:
        named = "; ".join(f"{name}: {text}" for name, text in self.fields.items())
        return f"{self.message} [{self.code}]" + (f" ({named})" if named else "")


class RunFailed(ParaleloError):
    """A run that failed or was cancelled; `code` says why."""


def refusal(response: httpx.Response) -> ParaleloError:
    """The error that an answer from 400 on stands for; a proxy's page has no shape of ours."""
    try:
        body = response.json()
        code, message, fields = body.pop("code"), body.pop("message"), body.pop("fields")
    except (ValueError, KeyError, AttributeError, TypeError):
        text = f"The server answered {response.status_code} {response.reason_phrase}."
        return ParaleloError("http_error", text, status=response.status_code)
    return ParaleloError(code, message, fields, status=response.status_code, details=body)
