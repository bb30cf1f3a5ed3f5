# ruff: noqa: S608  (names of our own columns only; every value is data of the staged table)
"""Checked quotes into the database, many in one statement: staged in a table of the connection's
own, then laid over what is stored. Row by row the ORM took ten times as long."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db import connection, transaction

import ml
from analytics.lazily import np, pd
from analytics.models import PriceHistory
from analytics.models.market import count_added, lock_markets

FIGURES = list(ml.QUOTE_COLUMNS)
_KEY = ("market_id", "timestamp")
_STAGED = "paralelo_staged_quotes"
#: The row's number in its chunk, its key and its figures. Moments are text on SQLite, as Django
#: keeps them there.
_COLUMNS = ("place", *_KEY, *FIGURES)


def rows_store(
    chunk: pd.DataFrame, make: Callable[[], Mapping[int, int]] | None = None
) -> dict[str, int]:
    """Lay merged rows (market_id, timestamp, figures) over what is stored, in one transaction: a
    known figure wins, an unknown one erases nothing. Answers how many were new, updated and
    unchanged. The counters of their markets move as by `QuoteSet`.

    Markets that are not there yet have negative ids in `chunk`; `make` makes them in the same
    transaction, and says which ids they got. SQLite's one writer holds its lock for the laying
    over alone: its rows are staged before, in a table that no other connection sees.
    """
    early = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        if early:
            _stage_alone(cursor, chunk)
        with transaction.atomic():
            if make is not None and (ids := make()):
                chunk = chunk.assign(market_id=chunk["market_id"].replace(ids))
                if early:
                    cursor.execute(_renumbering(ids))
            lock_markets(chunk["market_id"].unique().tolist())
            if not early:
                _stage(cursor, chunk)
            new, updated = _lay_over(cursor, chunk)
        cursor.execute(f"DELETE FROM {_STAGED}")
    counts = {"new": len(new), "updated": len(updated)}
    return {**counts, "unchanged": len(chunk) - len(new) - len(updated)}


def _lay_over(cursor: Any, chunk: pd.DataFrame) -> tuple[list[int], list[int]]:
    """The places of the rows that were new, and of those that changed a stored one."""
    new = _places(cursor, _NEW)
    if new:
        count_added(_first(chunk, new))
        cursor.execute(_INSERT)
    # Rows just written say what they say: they do not differ.
    updated = _places(cursor, _CHANGED) if len(new) < len(chunk) else []
    if updated:
        count_added(_first(chunk, updated))
        cursor.execute(_UPDATE)
    return new, updated


def _first(chunk: pd.DataFrame, places: list[int]) -> dict[int, Any]:
    """The earliest moment of each market among the rows."""
    earliest = chunk.iloc[places].groupby("market_id")["timestamp"].min()
    return {int(key): moment.to_pydatetime() for key, moment in earliest.items()}


def _places(cursor: Any, statement: str) -> list[int]:
    cursor.execute(statement)
    # One by one: thousands of rows at once set off Python's collector while the lock is held.
    return [place for (place,) in cursor]


# ------------------------------------------------------------------------------------- statements
_PRICES = f'"{PriceHistory._meta.db_table}"'
_NAMES = ", ".join(f'"{name}"' for name in (*_KEY, *FIGURES))
_SAME = " AND ".join(f's."{name}" = p."{name}"' for name in _KEY)
# What an older release kept as a decimal may stand a hair beside what was quoted.
_DIFFERS = " OR ".join(
    f'(s."{f}" IS NOT NULL AND (p."{f}" IS NULL OR ABS(s."{f}" - p."{f}") > 1e-14 * ABS(p."{f}")))'
    for f in FIGURES
)
_ABSENT = f"NOT EXISTS (SELECT 1 FROM {_PRICES} p WHERE {_SAME})"
_NEW = f"SELECT place FROM {_STAGED} s WHERE {_ABSENT}"
_INSERT = f"INSERT INTO {_PRICES} ({_NAMES}) SELECT {_NAMES} FROM {_STAGED} s WHERE {_ABSENT}"
_CHANGED = f"SELECT place FROM {_STAGED} s JOIN {_PRICES} p ON {_SAME} WHERE {_DIFFERS}"
_LAID_OVER = ", ".join(f'"{f}" = COALESCE(s."{f}", p."{f}")' for f in FIGURES)
_UPDATE = f"UPDATE {_PRICES} AS p SET {_LAID_OVER} FROM {_STAGED} s WHERE {_SAME} AND ({_DIFFERS})"


# ------------------------------------------------------------------------------------------ staged
def _stage_alone(cursor: Any, chunk: pd.DataFrame) -> None:
    """Stage in a transaction that takes no lock: Django's own ones take SQLite's at once, while a
    savepoint waits for a write to what others see, and there is none."""
    cursor.execute("SAVEPOINT paralelo_staging")
    try:
        _stage(cursor, chunk)
    finally:
        cursor.execute("RELEASE paralelo_staging")


def _renumbering(ids: Mapping[int, int]) -> str:
    cases = " ".join(f"WHEN {int(old)} THEN {int(new)}" for old, new in ids.items())
    return f"UPDATE {_STAGED} SET market_id = CASE market_id {cases} END WHERE market_id < 0"


def _stage(cursor: Any, chunk: pd.DataFrame) -> None:
    postgres = connection.vendor == "postgresql"
    moment, ending = ("timestamptz", "ON COMMIT DELETE ROWS") if postgres else ("text", "")
    figures = ", ".join(f'"{name}" double precision' for name in FIGURES)
    cursor.execute(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {_STAGED} (place integer, market_id bigint, "
        f'"timestamp" {moment}, {figures}) {ending}'
    )
    # Of an earlier chunk that did not come to its end.
    cursor.execute(f"DELETE FROM {_STAGED}")
    if postgres:
        head = f"COPY {_STAGED} ({', '.join(_quoted())}) FROM STDIN WITH (FORMAT csv)"
        cursor.copy_expert(head, _csv(chunk))
    else:
        places = ", ".join(["%s"] * len(_COLUMNS))
        cursor.executemany(f"INSERT INTO {_STAGED} VALUES ({places})", _tuples(chunk))


def _quoted() -> Iterator[str]:
    return (f'"{name}"' for name in _COLUMNS)


def _csv(chunk: pd.DataFrame) -> io.BytesIO:
    """The rows as csv, figures to their last digit, unknown ones empty."""
    import pyarrow as pa
    from pyarrow import csv

    table = pa.Table.from_pandas(
        chunk.assign(place=np.arange(len(chunk)))[list(_COLUMNS)], preserve_index=False
    )
    stream = io.BytesIO()
    csv.write_csv(table, stream, csv.WriteOptions(include_header=False))
    stream.seek(0)
    return stream


def _tuples(chunk: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    moments = chunk["timestamp"].dt.tz_localize(None).dt.to_pydatetime()
    figures = (
        [None if value != value else value for value in chunk[name].tolist()] for name in FIGURES
    )
    return zip(
        range(len(chunk)), chunk["market_id"].tolist(), map(str, moments), *figures, strict=True
    )
