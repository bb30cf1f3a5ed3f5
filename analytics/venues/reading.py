"""Reading an answer: typed figures out of loose JSON, with the path of what is wrong.

JSON numbers arrive as Decimal, so nothing is lost on the way. Nothing that was read is repeated in
an error: a field that should be a price may hold anything.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from analytics.venues.errors import (
    CollectionError,
    NonsensePrice,
    NotJson,
    ShapeChanged,
    Truncated,
    WrongMarket,
)
from analytics.venues.texts import Text as _

#: Beyond these no price or amount of any market lies; a figure outside is nonsense.
SMALLEST, LARGEST = Decimal("1e-12"), Decimal("1e15")
MOST_DIGITS = 40
_TAGS = re.compile(rb"^\s*(<!doctype|<html|<head|<body|<\?xml)", re.IGNORECASE)
_EPOCH_MS = Decimal(10**11)


def parse_json(body: bytes) -> Any:
    """The JSON of an answer, numbers as Decimal or int. Raises NotJson or Truncated."""
    if _TAGS.match(body):
        raise NotJson(_("The venue answered with an HTML page instead of JSON."))
    problem: CollectionError
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        ended = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")
        if ended and error.doc.lstrip()[:1] in ("{", "["):
            problem = Truncated(_("The venue's answer breaks off in the middle."))
        else:
            problem = NotJson(_("The venue's answer is not JSON."))
    except (UnicodeDecodeError, ValueError, RecursionError, InvalidOperation):
        problem = NotJson(_("The venue's answer is not JSON that can be read."))
    # Outside of the handler: the error above carries the whole answer, which may name people.
    raise problem


def _no_constant(name: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def at(data: Any, path: str) -> Any:
    """The value at a dotted path of objects. Raises ShapeChanged, naming the path."""
    for name in path.split("."):
        if not isinstance(data, Mapping) or name not in data:
            raise ShapeChanged(
                _("The venue's answer has no field %(path)r.", path=path),
                fields={path: _("is missing")},
            )
        data = data[name]
    return data


def part(data: Any, path: str) -> Mapping[str, Any]:
    found = at(data, path)
    if not isinstance(found, Mapping):
        raise changed(path, _("an object"))
    return found


def items(data: Any, path: str) -> list[Any]:
    found = at(data, path)
    if not isinstance(found, list):
        raise changed(path, _("a list"))
    return found


def changed(path: str, wanted: str) -> ShapeChanged:
    return ShapeChanged(
        _("The field %(path)r of the venue's answer is not %(wanted)s.", path=path, wanted=wanted),
        fields={path: _("must be %(wanted)s", wanted=wanted)},
    )


def number(value: Any, path: str) -> Decimal:
    """A finite decimal out of a JSON number or its text. Raises ShapeChanged."""
    found: Decimal | None = None
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        found = Decimal(value)
    elif isinstance(value, str) and len(value) <= MOST_DIGITS and value.isascii():
        try:
            found = Decimal(value.strip())
        except InvalidOperation:
            found = None
    if found is None or not found.is_finite():
        raise changed(path, _("a number"))
    return found


def price(value: Any, path: str) -> Decimal:
    """A price above zero that some market could have. Raises ShapeChanged, NonsensePrice."""
    found = number(value, path)
    if not SMALLEST <= found <= LARGEST or len(found.as_tuple().digits) > MOST_DIGITS:
        raise NonsensePrice(
            _("The field %(path)r of the venue's answer is no price.", path=path),
            fields={path: _("no price")},
        )
    return found


def amount(value: Any, path: str) -> Decimal:
    """A quantity of at least zero. Raises ShapeChanged."""
    found = number(value, path)
    if not 0 <= found <= LARGEST or len(found.as_tuple().digits) > MOST_DIGITS:
        raise changed(path, _("an amount"))
    return found


def maybe(data: Mapping[str, Any], name: str, read: Any = amount) -> Any:
    """The field if it is there and filled, read; else None."""
    value = data.get(name)
    return None if value is None or value == "" else read(value, name)


def identifier(value: Any, path: str) -> str:
    """What names a person or an ad; it goes into a keyed hash and nowhere else."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (str, int))
        or not 0 < len(str(value)) < 200
    ):
        raise changed(path, _("an identifier"))
    return str(value)


def fraction(value: Any, path: str) -> Decimal:
    found = number(value, path)
    if not 0 <= found <= 1:
        raise changed(path, _("a fraction of one"))
    return found


def percent(value: Any, path: str) -> Decimal:
    """A fraction out of a percentage."""
    return fraction(number(value, path) / 100, path)


def count(value: Any, path: str) -> int:
    found = number(value, path)
    if found != found.to_integral_value() or not 0 <= found < 10**9:
        raise changed(path, _("a count"))
    return int(found)


def same(value: Any, wanted: str, path: str) -> None:
    """The answer speaks of what was asked for, whatever its capitals. Raises WrongMarket."""
    if not isinstance(value, str) or value.upper() != wanted.upper():
        raise WrongMarket(
            _(
                "The venue answered for another market: the field %(path)r is not %(wanted)r.",
                path=path,
                wanted=wanted,
            ),
            fields={path: _("must be %(wanted)s", wanted=wanted)},
        )


def moment(value: Any, path: str, how: str = "auto") -> dt.datetime:
    """An aware UTC time. `how`: iso, unix, unix_ms, auto (any of the three), or a pattern of
    strptime with an offset (%z); a time without an offset is refused. Raises ShapeChanged."""
    try:
        if how in ("unix", "unix_ms") or (how == "auto" and not _is_iso(value)):
            return _epoch(number(value, path), how)
        if not isinstance(value, str):
            raise ValueError
        text = value.replace("Z", "+00:00") if how in ("iso", "auto") else value
        when = (
            dt.datetime.fromisoformat(text)
            if how in ("iso", "auto")
            else dt.datetime.strptime(text, how)
        )
        if when.tzinfo is None:
            raise ValueError
        return when.astimezone(dt.UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise changed(path, _("a time with its zone"))


def _is_iso(value: Any) -> bool:
    return isinstance(value, str) and "-" in value[1:]


def _epoch(value: Decimal, how: str) -> dt.datetime:
    if how == "unix_ms" or (how == "auto" and value > _EPOCH_MS):
        value /= 1000
    return dt.datetime.fromtimestamp(float(value), dt.UTC)
