"""Tables as lines of JSON: the same from SQLite and from PostgreSQL, and into either."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder

#: What belongs to running processes and to browsers, not to the server's memory.
LEFT_OUT = frozenset(
    ("sessions.session", "django_q.ormq", "django_q.task", "analytics.workerheartbeat")
)
_CHUNK = 2000
#: Kinds of columns whose values JSON holds as the database takes them.
_AS_THEY_ARE = (
    models.IntegerField,
    models.AutoField,
    models.FloatField,
    models.BooleanField,
    models.CharField,
    models.TextField,
)
Rows = Iterable[list[Any]]


def tables() -> list[type[models.Model]]:
    """Every table that is backed up, by label."""
    every = apps.get_models(include_auto_created=True)
    kept = [m for m in every if m._meta.managed and not m._meta.proxy]
    return sorted(
        (model for model in kept if model._meta.label_lower not in LEFT_OUT),
        key=lambda model: model._meta.label_lower,
    )


def columns(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """The fields that are columns of the table itself."""
    return list(model._meta.local_concrete_fields)


def migrations() -> dict[str, list[str]]:
    """The applied migrations of every app: what the tables look like."""
    found: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        found.setdefault(app, []).append(name)
    return found


def lines_of(model: type[models.Model]) -> Iterator[bytes]:
    """The names of the columns, then the rows by primary key, a line each."""
    names = [field.attname for field in columns(model)]
    yield _line(names)
    rows = model._base_manager.order_by("pk").values_list(*names)
    for row in rows.iterator(chunk_size=_CHUNK):
        yield _line(row)


def _line(values: Iterable[Any]) -> bytes:
    text = json.dumps(list(values), default=_plain, separators=(",", ":"), ensure_ascii=False)
    return text.encode() + b"\n"


def _plain(value: Any) -> str:
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no value of a column")


# ------------------------------------------------------------------------------------- the way in
def tables_empty(which: Iterable[type[models.Model]]) -> None:
    """Delete every row, without a look at who points to it; to be called in a transaction."""
    with connection.cursor() as cursor:
        names = [connection.ops.quote_name(model._meta.db_table) for model in which]
        if connection.vendor == "postgresql":
            # Whoever else is at work waits until the new rows are there.
            cursor.execute(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE")
        for name in names:
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608


def rows_insert(model: type[models.Model], rows: Rows) -> int:
    """Insert rows, lists of plain values in the order of `columns`; answers how many. No signal is
    sent, no counter moved and no clock asked: the rows are as they were."""
    fields = columns(model)
    makers = [(place, make) for place, f in enumerate(fields) if (make := _maker(f)) is not None]
    count = 0
    with connection.cursor() as cursor:
        for chunk in _chunked(rows):
            for row in chunk:
                for place, make in makers:
                    if row[place] is not None:
                        row[place] = make(row[place])
            _insert(cursor, model, fields, chunk)
            count += len(chunk)
    return count


def _chunked(rows: Rows) -> Iterator[list[list[Any]]]:
    chunk: list[list[Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _maker(field: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    """What makes of a plain value what the database takes; None where it takes it as it is."""
    target = field
    while isinstance(target, models.ForeignKey):
        target = target.target_field
    if isinstance(target, _AS_THEY_ARE):
        return None
    return lambda value: target.get_db_prep_save(target.to_python(value), connection)


def _insert(
    cursor: Any, model: type[models.Model], fields: list[Any], rows: list[list[Any]]
) -> None:
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    head = f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES "  # noqa: S608
    if connection.vendor == "postgresql":
        from psycopg2.extras import execute_values

        # One statement for many rows: executemany sends each on its own.
        execute_values(cursor.cursor, head + "%s", rows, page_size=500)
    else:
        cursor.executemany(head + f"({', '.join(['%s'] * len(fields))})", rows)


def sequences_set(which: Iterable[type[models.Model]]) -> None:
    """Let new rows take numbers after those that were inserted with theirs."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(which)):
            cursor.execute(statement)
