"""JSON of any of its usual shapes -> a Table: records, arrays, columns, nested answers, lines."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from django.utils.translation import gettext as _

from analytics.services.prices.reading.decisions import Decision, no_rows, unreadable
from analytics.services.prices.reading.sources.containers import Content
from analytics.services.prices.reading.sources.grids import cell_text, grid_table, placed_grid
from analytics.services.prices.reading.sources.layout import LOOKED_AT, Layout
from analytics.services.prices.reading.sources.tables import Table
from analytics.services.prices.reading.sources.texts import text_encoding
from analytics.services.prices.reading.words.names import column_name
from analytics.services.prices.reading.words.vocabulary import KINDS

#: A number with more digits than a float64 keeps: the parser that keeps them is asked instead.
_LONG_NUMBER = re.compile(rb"[\d.]{17}")
_DEEPEST = 8
#: Byte order marks, blanks, and the zeros of UTF-16.
_BEFORE = re.compile(rb"^[\xef\xbb\xbf\xff\xfe\x00\s]+")
_NAMED = ("", "unit", "ignored")
_PRICES = {"price", "bid", "ask", "buy", "sell"}
#: What stands in an answer beside its quotes.
_BESIDE = re.compile(
    r"(?i)^(errors?|warnings?|market_caps|total_volumes|columns|schema|meta|request|query|params)$"
)
Record = dict[str, Any]


def looks_like_json(head: bytes) -> bool:
    """Whether a text begins as JSON does."""
    return _BEFORE.sub(b"", head)[:1] in (b"{", b"[")


def json_table(content: Content, decisions: list[Decision]) -> Table:
    """The quotes in JSON or in lines of JSON; raises InvalidInput: bad_file, bad_header."""
    data = content.held()
    encoding = text_encoding(content, None, decisions)
    if encoding != "utf-8":
        data = data.decode(encoding, "replace").lstrip("\ufeff").encode()
    return object_table(content.name, _parsed(content.name, data), decisions)


def _parsed(name: str, data: bytes) -> Any:
    try:
        return _loads(data)
    except ValueError as whole:
        lines = [line for line in data.splitlines() if line.strip()]
        try:
            return [_loads(line) for line in lines]
        except ValueError:
            raise unreadable(name, whole) from whole


def _loads(data: bytes) -> Any:
    if _LONG_NUMBER.search(data):
        return json.loads(data, parse_float=str, parse_int=_whole)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)  # takes NaN and Infinity, as Python writes them


def _whole(text: str) -> int | str:
    return int(text) if len(text) < 20 else text


def object_table(name: str, value: Any, decisions: list[Decision]) -> Table:
    """The quotes in parsed JSON: the first list, or mapping of records, that holds some."""
    found = _table_in(value, {}, 0)
    if not found:
        raise no_rows(name)
    if isinstance(found[0], Mapping):
        return _record_table(name, found)
    if not isinstance(found[0], Sequence) or isinstance(found[0], str):
        raise unreadable(name, _("it holds no records"))
    return dataclasses.replace(grid_table(name, found, decisions), machine=True)


def _table_in(value: Any, beside: Record, depth: int) -> list[Any]:
    """Records or rows of a value; `beside` holds the plain values of the objects around it."""
    if isinstance(value, list):
        records = [item for item in value if isinstance(item, dict)]
        rows = [item for item in value if isinstance(item, list)]
        return rows if len(rows) > len(records) else [beside | _flat(r) for r in records]
    if not isinstance(value, dict) or depth > _DEEPEST:
        return []
    if (columns := _columns(value)) is not None:
        return columns
    beside = beside | {k: item for k, item in value.items() if not isinstance(item, dict | list)}
    for key, item in value.items():
        if isinstance(item, list) and not _BESIDE.match(key) and _nested(item):
            return _table_in(item, beside, depth + 1)
    objects = {
        k: item for k, item in value.items() if isinstance(item, dict) and not _BESIDE.match(k)
    }
    deeper = [item for item in objects.values() if _holds_lists(item)]
    if deeper:
        return _table_in(deeper[0], beside, depth + 1)
    named = {key: item for key, item in objects.items() if _is_record(key, item)}
    if named:
        return [beside | {"place": key} | _flat(item) for key, item in named.items()]
    if _prices_in(_flat(value)) or (_time_in(beside) and _rates_in(objects)):
        return [beside | _flat(value)]
    return next(filter(None, (_table_in(o, beside, depth + 1) for o in objects.values())), [])


def _holds_lists(value: Any, depth: int = 0) -> bool:
    """Whether there is a list of records or rows somewhere in an object."""
    if isinstance(value, list):
        return _nested(value)
    if not isinstance(value, dict) or depth > _DEEPEST:
        return False
    return any(_holds_lists(item, depth + 1) for item in value.values())


def _columns(value: Record) -> list[Any] | None:
    """Rows of what is written by columns: lists of one length, objects by index, or a split."""
    if isinstance(value.get("columns"), list) and _rows_of(value.get("data")):
        names, rows, index = value["columns"], value["data"], value.get("index")
        if isinstance(index, list) and len(index) == len(rows):
            names = ["", *names]
            rows = [[key, *row] for key, row in zip(index, rows, strict=True)]
        return [names, *rows]
    named = {key: item for key, item in value.items() if column_name(key).role not in _NAMED}
    times = [key for key in named if column_name(key).role == "time"]
    lists = {k: v for k, v in value.items() if isinstance(v, list)}
    if times and isinstance(value[times[0]], list):
        size = len(value[times[0]])
        good = {k: v for k, v in lists.items() if len(v) == size and not _nested(v)}
        return [list(good), *map(list, zip(*good.values(), strict=True))] if len(good) > 1 else None
    maps = {k: v for k, v in named.items() if isinstance(v, dict)}
    if maps.keys() & set(times) and len(maps) > 1 and len({tuple(v) for v in maps.values()}) == 1:
        return [list(maps), *map(list, zip(*(v.values() for v in maps.values()), strict=True))]
    return None


def _rows_of(value: Any) -> bool:
    """Whether a value is a list of rows."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, list) for v in value)


def _nested(items: list[Any]) -> bool:
    return any(isinstance(item, dict | list) for item in items[:LOOKED_AT])


def _flat(record: Record, prefix: str = "", depth: int = 0) -> Record:
    """Nested objects as names with dots; lists are left out."""
    flat: Record = {}
    for key, item in record.items():
        name = f"{prefix}{key}"
        if isinstance(item, dict) and depth < _DEEPEST and not _BESIDE.match(key):
            flat |= _flat(item, f"{name}.", depth + 1)
        elif not isinstance(item, list | dict):
            flat[name] = item
    return flat


def _roles(record: Mapping[str, Any]) -> set[str]:
    return {column_name(str(key)).role for key in record}


def _time_in(record: Mapping[str, Any]) -> bool:
    return "time" in _roles(record)


def _prices_in(record: Mapping[str, Any]) -> bool:
    return bool(_roles(record) & _PRICES)


def _is_record(key: str, item: Record) -> bool:
    """Whether an object is the quote of what its key names (an exchange, a kind of rate)."""
    plain = {k: v for k, v in item.items() if not isinstance(v, dict | list)}
    kind = key.lower() in KINDS or column_name(key).role not in _PRICES
    return kind and _prices_in(plain)


def _rates_in(objects: Mapping[str, Record]) -> bool:
    """Whether there is a table of rates by currency."""
    return any("unit" in _roles(item) for item in objects.values())


def record_rows(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], Iterator[list[Any]]]:
    """The names of all records, and the records as rows under them."""
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(map(str, record)))
    return list(names), ([record.get(name) for name in names] for record in records)


def _record_table(name: str, records: Sequence[Mapping[str, Any]]) -> Table:
    """Every record is a row, numbered from 1."""
    names, rows = record_rows(records)
    grid = [[_scalar(value) for value in row] for row in rows]
    layout = Layout(0, tuple(names), ((),) * len(names), 0, len(grid))
    sample = [[cell_text(value) for value in row] for row in grid[:LOOKED_AT]]
    return dataclasses.replace(placed_grid(name, layout, grid, sample), machine=True)


def _scalar(value: Any) -> Any:
    """A cell; what is neither number nor text becomes text that is refused where it matters."""
    return value if value is None or isinstance(value, str | int | float) else str(value)
