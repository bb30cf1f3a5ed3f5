"""What comes in: strict JSON, and parameters that may stand in the query, the body or both."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from analytics.exceptions import InvalidInput

#: Beyond these a number is no double and a name no parameter of ours.
_MOST_DIGITS = 300
_LONGEST_NAME = 64
_DEEPEST = 20
#: DRF itself reads this one from the query.
_ALWAYS_KNOWN = frozenset({"format"})
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
    twice = sorted({name[:_LONGEST_NAME] for name, count in counts.items() if count > 1})[:20]
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


def _refused(why: str) -> InvalidInput:
    return InvalidInput(
        _("The body is not JSON: %(why)s") % {"why": why}, "bad_json", {"body": why}
    )


def strict_loads(raw: bytes) -> Any:
    """JSON as RFC 8259 has it: UTF-8, finite numbers, each key once, no half characters."""
    try:
        text = raw.decode("utf-8")
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
    """The only parser. Form bodies are refused, so an HTML form of another site drives nothing."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {}).get("request")
        # Through `body`, not `stream`: only there does Django hold the size to its limit.
        raw = request._request.body if request is not None else stream.read()
        return strict_loads(raw) if raw.strip() else {}


# --------------------------------------------------------------------------- parameters, merged
def merged_input(
    request: Request,
    *,
    allowed: Collection[str] | None = None,
    body_only: Collection[str] = (),
) -> dict[str, Any]:
    """Parameters of the query and of the JSON body as one dictionary; the query wins, but may not
    contradict the body. With `allowed`, any other name is an error."""
    body = request.data
    if not isinstance(body, Mapping):
        raise InvalidInput(
            _("The body must be a JSON object, not %(kind)s.") % {"kind": json_kind(body)},
            "bad_shape",
            {"body": _("Must be a JSON object.")},
        )
    query = query_input(request)
    check_names([*query, *body], allowed)
    problems = {name: _("Send this in the JSON body.") for name in query if name in body_only}
    problems |= {
        name: _("The query and the body say different things.")
        for name, text in query.items()
        if name in body and name not in problems and not _same(text, body[name])
    }
    if problems:
        raise InvalidInput(_("Some parameters contradict each other."), "contradiction", problems)
    return {**body, **query}


def query_input(request: Request, allowed: Collection[str] | None = None) -> dict[str, str]:
    """The query's parameters, each once; with `allowed`, any other name is an error."""
    found = dict(request.query_params.lists())
    twice = [name for name, values in found.items() if len(values) > 1]
    if twice:
        raise InvalidInput(
            _("The query names a parameter twice."),
            "contradiction",
            {name[:_LONGEST_NAME]: _("Named twice.") for name in twice},
        )
    check_names(found, allowed)
    return {name: values[0] for name, values in found.items() if name not in _ALWAYS_KNOWN}


def check_names(names: Collection[str], allowed: Collection[str] | None) -> None:
    """Raises InvalidInput naming what is not among `allowed` (any name is, where that is None)."""
    known = None if allowed is None else {*allowed, *_ALWAYS_KNOWN}
    wrong = [n for n in names if len(n) > _LONGEST_NAME or (known is not None and n not in known)]
    if not wrong:
        return
    shown = sorted({name[:_LONGEST_NAME] for name in wrong})[:20]
    choices = ", ".join(sorted(allowed or ()))
    text = _("Unknown; known are %(names)s.") % {"names": choices} if choices else _("Unknown.")
    raise InvalidInput(
        _("Unknown parameters: %(names)s.") % {"names": ", ".join(shown)},
        "unknown_parameter",
        dict.fromkeys(shown, text),
    )


def _same(text: str, value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return False
    if text.strip().lower() == str(value).strip().lower():
        return True
    if isinstance(value, bool):
        return False
    try:
        return float(text) == float(value)
    except (TypeError, ValueError, OverflowError):
        return False


def json_kind(value: Any) -> str:
    """What JSON calls a value of that type."""
    if value is None:
        return "null"
    kinds = ((bool, "true or false"), (str, "text"), ((int, float), "a number"), (list, "a list"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "an object")
