"""Reads and writes whose SQL is written once, for what happens at every quote.

The compiler of a queryset takes several times as long as such a query. Columns and conversions are
those of the fields; no signal is sent, as none is by `bulk_create` and `update`. Conditions are SQL
with a %s per value, moments among them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models

Row = TypeVar("Row", bound=models.Model)
#: Values of one statement: older builds of SQLite take 999.
MOST_VALUES = 900
_Convert = tuple[int, tuple[Callable[..., Any], ...], Any]


def fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of a query, as the database gives them: see `moment`."""
    database = connections[DEFAULT_DB_ALIAS]
    with database.cursor() as cursor:
        cursor.execute(sql, _adapted(database, params))
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def moment(value: Any) -> dt.datetime:
    """A moment out of `fetch`, aware and in UTC: SQLite gives text, or no zone."""
    found: dt.datetime = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)


def rows_where(model: type[Row], where: str, params: Sequence[Any]) -> list[Row]:
    """The rows that meet the condition, whole."""
    database = connections[DEFAULT_DB_ALIAS]
    sql, names, converts = _reading(model, database.vendor)
    found = []
    for values in fetch(f"{sql} WHERE {where}", params):
        cells = list(values)
        for place, functions, column in converts:
            for function in functions:
                cells[place] = function(cells[place], column, database)
        found.append(model.from_db(DEFAULT_DB_ALIAS, names, cells))
    return found


def insert_missing(model: type[Row], rows: Sequence[Row]) -> None:
    """As `bulk_create(rows, ignore_conflicts=True)`: what is there already stays as it is."""
    _insert(model, rows, "ON CONFLICT DO NOTHING")


def insert_or_update(
    model: type[Row], rows: Sequence[Row], *, unique: str, fields: Sequence[str]
) -> None:
    """As `bulk_create(rows, update_conflicts=True, ...)`: where a row of that `unique` field is
    there already, its `fields` become those of the new one."""
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    columns = [quote(model._meta.get_field(name).column) for name in fields]
    sets = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns)
    key = quote(model._meta.get_field(unique).column)
    _insert(model, rows, f"ON CONFLICT ({key}) DO UPDATE SET {sets}")


def save_again(row: models.Model) -> None:
    """As `save` of a row that was read, all of it; one that is gone meanwhile is written anew."""
    database = connections[DEFAULT_DB_ALIAS]
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    values = {field.name: field.pre_save(row, add=False) for field in fields}
    key = database.ops.quote_name(row._meta.pk.column)
    if row.pk is None or not update_where(type(row), values, f"{key} = %s", [row.pk]):
        row.save()


def update_where(
    model: type[models.Model], values: dict[str, Any], where: str, params: Sequence[Any]
) -> int:
    """As `filter(...).update(**values)`; how many rows there were."""
    database = connections[DEFAULT_DB_ALIAS]
    quote, meta = database.ops.quote_name, model._meta
    fields = [meta.get_field(name) for name in values]
    cells = [
        field.get_db_prep_save(value, database)
        for field, value in zip(fields, values.values(), strict=True)
    ]
    sets = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    with database.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(meta.db_table)} SET {sets} WHERE {where}",  # noqa: S608
            [*cells, *_adapted(database, params)],
        )
        return int(cursor.rowcount)


def _adapted(database: Any, params: Sequence[Any]) -> list[Any]:
    adapt = database.ops.adapt_datetimefield_value
    return [adapt(value) if isinstance(value, dt.datetime) else value for value in params]


@lru_cache(maxsize=64)
def _reading(
    model: type[models.Model], vendor: str
) -> tuple[str, tuple[str, ...], tuple[_Convert, ...]]:
    """The SELECT of all columns, what they are called, and what is made of which of them."""
    database = connections[DEFAULT_DB_ALIAS]
    quote, fields = database.ops.quote_name, model._meta.concrete_fields
    converts = []
    for place, field in enumerate(fields):
        column = field.get_col(model._meta.db_table)
        functions = (
            *database.ops.get_db_converters(column),
            *field.get_db_converters(database),
        )
        if functions:
            converts.append((place, functions, column))
    columns = ", ".join(quote(field.column) for field in fields)
    sql = f"SELECT {columns} FROM {quote(model._meta.db_table)}"  # noqa: S608
    return sql, tuple(field.attname for field in fields), tuple(converts)


def _insert(model: type[Row], rows: Sequence[Row], conflict: str) -> None:
    if not rows:
        return
    database = connections[DEFAULT_DB_ALIAS]
    quote = database.ops.quote_name
    fields = [f for f in model._meta.concrete_fields if not isinstance(f, models.AutoField)]
    columns = ", ".join(quote(field.column) for field in fields)
    line = "(" + ", ".join(["%s"] * len(fields)) + ")"
    head = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES"
    at_once = MOST_VALUES // len(fields)
    with database.cursor() as cursor:
        for first in range(0, len(rows), at_once):
            part = rows[first : first + at_once]
            cells = [
                field.get_db_prep_save(field.pre_save(row, add=True), database)
                for row in part
                for field in fields
            ]
            cursor.execute(f"{head} {', '.join([line] * len(part))} {conflict}", cells)
