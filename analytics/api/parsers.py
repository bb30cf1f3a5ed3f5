"""Strict JSON: the only body that the API reads."""

from __future__ import annotations

import gc
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import IO, Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from analytics.exceptions import InvalidInput

#: Beyond these a number is no double, and a name no parameter of ours.
_MOST_DIGITS = 300
LONGEST_NAME = 64
_DEEPEST = 20
#: Beyond this a whole number may have been read as a float that is not quite it.
_EXACT = 2.0**53
#: Bytes from which on a body is read quickly or not at all.
_LONG = 1_000_000
#: Bytes from which on the collector of garbage rests while a body is read: it would look again and
#: again through hundreds of thousands of new lists, at several times the cost of reading.
_MANY = 100_000
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _not_finite(text: str) -> Any:
    shown = text if len(text) <= 24 else f"{text[:24]}…"
    raise InvalidInput(
        _("%(text)s is not a finite number; JSON numbers must be finite.") % {"text": shown},
        "not_finite",
        {"body": _("Holds a number that is not finite.")},
    )


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _not_finite(text)


def _int(text: str) -> int:
    return int(text) if len(text) <= _MOST_DIGITS else _not_finite(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A repeated key is refused: which of the two was meant, nobody can tell."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    counts = Counter(name for name, _value in pairs)
    twice = sorted({name[:LONGEST_NAME] for name, count in counts.items() if count > 1})[:20]
    raise InvalidInput(
        _("The body names a key twice: %(names)s.") % {"names": ", ".join(twice)},
        "bad_json",
        dict.fromkeys(twice, _("Named twice.")),
    )


def _is_deep(value: Any) -> bool:
    """Whether lists and objects are nested deeper than any input of ours. Python's own limit is
    not enough: what it just lets pass would fail further on."""
    level = [value] if isinstance(value, (list, dict)) else []
    for _depth in range(_DEEPEST):
        if not level:
            return False
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [v for values in inner for v in values if isinstance(v, (list, dict))]
    return True


_UNSURE = object()


def _loaded(raw: bytes) -> Any:
    rests = len(raw) > _MANY and gc.isenabled()
    if rests:
        gc.disable()
    try:
        return orjson.loads(raw)
    finally:
        if rests:
            gc.enable()


def _quick(raw: bytes) -> Any:
    """What orjson makes of the bytes, or _UNSURE where it refuses them or may have lost something:
    a key said twice, an integer turned into a float, nesting. Then the slow reader decides, and
    says in its own words what is wrong. Each key of an object has one colon outside of texts, so
    that none was lost if there are as many keys as colons."""
    try:
        value = _loaded(raw)
    except orjson.JSONDecodeError:
        return _UNSURE
    keys = colons = 0
    level = [value]
    for _depth in range(_DEEPEST + 1):
        kinds = set(map(type, level))
        if kinds <= {float}:
            whole = -_EXACT < min(level) <= max(level) < _EXACT
            level = [] if whole else level
            break
        objects = [one for one in level if type(one) is dict]
        keys += sum(map(len, objects))
        colons += "".join(chain.from_iterable(objects)).count(":")
        colons += "".join(one for one in level if type(one) is str).count(":")
        floats = [one for one in level if type(one) is float]
        if floats and not -_EXACT < min(floats) <= max(floats) < _EXACT:
            return _UNSURE
        lists = chain.from_iterable(one for one in level if type(one) is list)
        level = [*lists, *chain.from_iterable(map(dict.values, objects))]
        if not level:
            break
    whole = not level and raw.count(b":") == keys + colons
    hidden = b"\\u003a" in raw or b"\\u003A" in raw
    return value if whole and not hidden else _UNSURE


def _refused(why: str) -> InvalidInput:
    return InvalidInput(
        _("The body is not JSON: %(why)s") % {"why": why}, "bad_json", {"body": why}
    )


def strict_loads(raw: bytes) -> Any:
    """JSON as RFC 8259 has it: UTF-8, finite numbers, each key once, no half characters."""
    try:
        text = raw.decode("utf-8")
        value = _quick(raw)
        if value is _UNSURE and len(raw) > _LONG:
            raise _refused(
                _("it is long and cannot be read quickly: name keys once, and send less at a time.")
            )
        if value is _UNSURE:
            value = json.loads(
                text,
                parse_constant=_not_finite,
                parse_float=_float,
                parse_int=_int,
                object_pairs_hook=_object,
            )
            if _is_deep(value):
                raise RecursionError
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno}
        raise _refused(_("line %(line)s, column %(column)s cannot be read.") % where) from error
    except UnicodeError as error:
        raise _refused(_("it is not valid UTF-8 text.")) from error
    except RecursionError as error:
        raise _refused(_("it is nested too deeply.")) from error
    return value


class StrictJSONParser(BaseParser):
    """The only parser, but for files of quotes. Form bodies are refused, so an HTML form of another
    site drives nothing."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {}).get("request")
        # Through `body`, not `stream`: only there does Django hold the size to its limit.
        most = getattr((parser_context or {}).get("view"), "most_bytes", None)
        if most is not None and request is not None and _length(request) > most:
            raise RequestDataTooBig
        raw = request._request.body if request is not None else stream.read()
        return strict_loads(raw) if raw.strip() else {}


class QuoteFileParser(BaseParser):
    """A file of quotes as the body, kept as bytes: the reader of quotes understands it. A form of
    another site cannot send this type."""

    media_type = "text/csv"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        request = (parser_context or {}).get("request")
        return bytes(request._request.body if request is not None else stream.read())


def _length(request: Request) -> int:
    text = request._request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isdigit() else 0


def json_kind(value: Any) -> str:
    """What JSON calls a value of that type."""
    if value is None:
        return "null"
    kinds = ((bool, "true or false"), (str, "text"), ((int, float), "a number"), (list, "a list"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "an object")
