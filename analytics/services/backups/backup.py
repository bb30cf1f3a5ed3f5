"""The whole server into one file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.exceptions import Conflict
from analytics.services.backups.archive import ArchiveWriter
from analytics.services.backups.folders import ROOMS
from analytics.services.backups.tables import lines_of, migrations, tables

_BUFFER = 1 << 18


def backup_make(
    *, path: Path, force: bool = False, on_table: Callable[[str, int], None] = lambda *_: None
) -> dict[str, Any]:
    """Write every row, as all of them were at one moment, and the folders that they name; answers
    the counts. Others go on reading and writing meanwhile. The file appears whole or not at all.
    Raises Conflict (file_exists) unless `force`."""
    if path.exists() and not force:
        raise Conflict(
            _("%(path)s is there already.") % {"path": path},
            "file_exists",
            {"file": _("choose another name, or give --force")},
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        told = _write(part, on_table)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return {**told, "path": str(path), "bytes": path.stat().st_size}


def _write(part: Path, on_table: Callable[[str, int], None]) -> dict[str, Any]:
    archive = ArchiveWriter(part)
    try:
        return _fill(archive, on_table)
    finally:
        archive.abandon()


def _fill(archive: ArchiveWriter, on_table: Callable[[str, int], None]) -> dict[str, Any]:
    rows: dict[str, int] = {}
    missing: list[str] = []
    with snapshot():
        for model in tables():
            label = model._meta.label_lower
            rows[label] = _table(archive, f"data/{label}.jsonl", lines_of(model))
            on_table(label, rows[label])
        named = [(room, folder) for room in ROOMS for folder in room.named()]
        applied = migrations()
    folders = 0
    for room, folder in named:
        files = list(room.files(folder))
        missing += [] if files else [f"{room.name}/{folder}"]
        folders += bool(files)
        for name, file in files:
            archive.add(name, file)
    archive.close(
        made_at=timezone.now(),
        database=connection.vendor,
        migrations=applied,
        rows=rows,
        missing=missing,
    )
    return {"rows": sum(rows.values()), "tables": rows, "folders": folders, "missing": missing}


def _table(archive: ArchiveWriter, name: str, lines: Iterator[bytes]) -> int:
    """Answers how many rows followed the line of the columns."""
    count, held, size = -1, [], 0
    with archive.member(name) as write:
        for line in lines:
            count += 1
            held.append(line)
            size += len(line)
            if size > _BUFFER:
                write(b"".join(held))
                held, size = [], 0
        write(b"".join(held))
    return count


@contextmanager
def snapshot() -> Iterator[None]:
    """All reads inside see the database as it is at the first of them. Keeps no writer waiting."""
    if connection.in_atomic_block:
        yield  # the caller's own transaction, as in a test
        return
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    # Django's own transactions take the write lock at once (settings), and would keep it.
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
