"""Statements of the bench's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def run(sql: str, **values: Any) -> None:
    """One statement, in a transaction of its own."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)


def rows(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, list(values) or None)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
