"""Answers as tables: nested objects become columns with dotted names."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: A spreadsheet would take a text that begins so for a formula, and run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Cells by dotted name: {"a": {"b": 1}} is {"a.b": 1}, and {"a": [{"b": 1}]} is {"a.0.b": 1}. A
    list of plain values stays one cell, and so does what is empty."""
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) for one in value):
        inner = enumerate(value)
    found: dict[str, Any] = {}
    for name, one in inner:
        found |= flat(one, f"{path}.{name}" if path else str(name))
    return found or ({path: value} if path else {})


def cell(value: Any) -> Any:
    """A value as a spreadsheet reads it: nothing where there is none, lists as JSON."""
    if value is None or value == {} or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def columns(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """`names`, each in its place, or in its stead the dotted ones that the flat rows have of it;
    then whatever else they hold."""
    seen = dict.fromkeys(name for row in rows for name in row)
    found: dict[str, None] = {}
    for name in names:
        inner = [one for one in seen if one.startswith(f"{name}.")]
        found |= dict.fromkeys(inner or [name])
    # A name that is nested in some rows and null in others has its dotted columns alone.
    rest = [one for one in seen if one not in names]
    return list(found | dict.fromkeys(rest))


def as_csv(rows: Iterable[Mapping[str, Any]], names: Sequence[str] = ()) -> str:
    """The rows as CSV (RFC 4180 but for the line's end); the header stands there without rows,
    too."""
    table = [flat(row) for row in rows]
    header = columns(table, names)
    lines = [[cell(row.get(name)) for name in header] for row in table]
    return csv_lines([header, *lines])


def csv_lines(lines: Iterable[Sequence[Any]]) -> str:
    """Cells as text, a line each."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()
