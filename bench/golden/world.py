"""A server of its own in a folder of its own: one thread, a clock that stands where it is put, one
way of computing, and callers of its faces."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from bench.golden.plain import masked, plain, table_of

ROOT = "/api/v1/analytics/"
HOST = "127.0.0.1:8000"
#: Headers that are part of what the API promises.
_HEADERS = ("Location", "Content-Type", "Content-Disposition", "WWW-Authenticate", "Allow")
_CLOCK = re.compile(r"(\d+:\d\d:\d\d|-:--:--)$")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def prepare() -> None:
    """Before anything loads numpy or torch. Which of two equal ways of asking a network is faster
    is measured anew in every process, and they differ in the seventh digit: the one is left out."""
    os.environ.update(dict.fromkeys(_THREADS, "1"), OMP_WAIT_POLICY="PASSIVE")
    sys.modules["onnxruntime"] = None  # type: ignore[assignment]


class Clock:
    """The time that Django tells."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now


class World:
    """A migrated, empty database below `home`. One a process: Django starts once."""

    def __init__(self, home: Path, now: dt.datetime) -> None:
        self.home, self.clock = home, Clock(now)
        self.places = {str(home): "<home>"}
        for name in list(os.environ):
            if name == "DATABASE_URL" or name.startswith("PARALELO_"):
                del os.environ[name]
        os.environ.update(
            PARALELO_HOME=str(home),
            PARALELO_ADMIN_PASSWORD="of no use outside",  # noqa: S106
            DJANGO_SETTINGS_MODULE="p2p.settings",
        )
        import django

        django.setup()
        # A refusal is an answer here, not news.
        logging.disable(logging.CRITICAL)
        self.command("migrate", "--verbosity", "0")

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        with mock.patch("django.utils.timezone.now", self.clock):
            yield

    def command(self, *words: str) -> dict[str, Any]:
        """What a management command prints, or its refusal in one line."""
        from django.core.management import CommandError, call_command

        out, err = io.StringIO(), io.StringIO()
        refused = None
        try:
            call_command(*words, stdout=out, stderr=err)
        except CommandError as error:
            refused = {"message": str(error), "code": error.returncode}
        said = {"out": _printed(out.getvalue()), "err": _lines(err.getvalue()), "refused": refused}
        return masked({name: what for name, what in said.items() if what}, self.places)

    def api(
        self, method: str, path: str, body: Any = None, *, raw: bool = False, **headers: str
    ) -> dict[str, Any]:
        """Status, headers and body of one call of the API, from this machine."""
        answer = self.answer(method, ROOT + path, body, raw=raw, **headers)
        found = {name: answer[name] for name in _HEADERS if name in answer}
        return masked(
            {"status": answer.status_code, "headers": found, "body": _body(answer)}, self.places
        )

    def answer(
        self, method: str, path: str, body: Any = None, *, raw: bool = False, **headers: str
    ) -> Any:
        """Django's own answer; `raw` sends the body as it is, under the name of JSON."""
        from django.test import Client

        content: dict[str, Any] = {"content_type": ""}
        if body is not None:
            data = body if raw else json.dumps(body)
            content = {"data": data, "content_type": "application/json"}
        client = Client(raise_request_exception=False)
        return client.generic(method, path, headers={"host": HOST, **headers}, **content)

    def stories(self, *steps: tuple[str, Callable[[], Any]]) -> dict[str, Any]:
        """Steps in their order, each under its name."""
        return {name: plain(step()) for name, step in steps}


def _lines(text: str) -> list[str]:
    """Without the bars of a progress, which end with a clock."""
    lines = (line.rstrip() for line in text.splitlines())
    return [line for line in lines if not _CLOCK.search(line)]


def _printed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return _lines(text)


def _body(answer: Any) -> Any:
    """JSON as it is, text in lines, anything zipped unzipped; of a picture only that it is one."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    kind = answer.get("Content-Type", "")
    if kind.startswith("image/"):
        return content[:4].hex()
    if "gzip" in kind:
        return table_of(gzip.decompress(content).decode())
    text = content.decode()
    if "json" in kind:
        return json.loads(text)
    return "(a page)" if kind.startswith("text/html") else _lines(text)
