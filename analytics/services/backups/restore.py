"""A backup back into a server: all of it or nothing.

The one moment that counts is the commit. Before it, folders of the backup are laid beside those
that are there, under names that no row holds; killed then, the old server is untouched and some
folders nobody names are left. After it, folders that no row names any more are removed; killed
then, the new server is whole and some old folders are left.
"""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.conf import conf
from analytics.exceptions import Conflict
from analytics.models import WorkerHeartbeat
from analytics.services.backups.archive import ArchiveReader, damaged
from analytics.services.backups.folders import ROOMS, Published, folders_publish
from analytics.services.backups.tables import (
    columns,
    migrations,
    rows_insert,
    sequences_set,
    tables,
    tables_empty,
)

#: Heartbeats without which a worker is gone; the same as the pages say.
_MISSED = 4


def backup_restore(
    *, path: Path, force: bool = False, on_table: Callable[[str, int], None] = lambda *_: None
) -> dict[str, Any]:
    """Put a backup in the place of what is here; answers the counts. Raises InvalidInput
    (bad_backup) for a damaged file, Conflict (other_version, worker_alive, not_empty unless
    `force`), and what the database says; the server is then as it was."""
    archive = ArchiveReader(path)
    try:
        _refuse(archive, force)
        archive.check()
        with _staging() as staging:
            return _restore(archive, staging, on_table)
    finally:
        archive.close()


def _refuse(archive: ArchiveReader, force: bool) -> None:
    theirs, ours = archive.manifest["migrations"], migrations()
    if theirs != ours:
        more = [f"{app}.{n}" for app in theirs for n in theirs[app] if n not in ours.get(app, ())]
        less = [f"{app}.{n}" for app in ours for n in ours[app] if n not in theirs.get(app, ())]
        raise Conflict(
            _(
                "The backup is of another version of the program (only there: %(more)s; only here: "
                "%(less)s). Restore it with that version, then upgrade."
            )
            % {"more": ", ".join(more[:5]) or "–", "less": ", ".join(less[:5]) or "–"},
            "other_version",
        )
    seen = timezone.now() - dt.timedelta(seconds=_MISSED * conf().HEARTBEAT_SECONDS)
    if WorkerHeartbeat.objects.filter(seen_at__gte=seen).exists():
        raise Conflict(_("A worker is running: stop it first."), "worker_alive")
    if not force and not _is_empty():
        raise Conflict(
            _("This database is not empty: everything in it would be replaced."),
            "not_empty",
            {"force": _("give --force to replace it")},
        )


def _is_empty() -> bool:
    own = [m for m in apps.get_app_config("analytics").get_models() if m is not WorkerHeartbeat]
    return not any(model._base_manager.exists() for model in [*own, get_user_model()])


@contextmanager
def _staging() -> Iterator[Path]:
    """An empty folder on the disk of the artifacts, gone afterwards."""
    folder = Path(conf().HOME) / f".restore-{uuid.uuid4().hex}"
    for left in Path(conf().HOME).glob(".restore-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _restore(
    archive: ArchiveReader, staging: Path, on_table: Callable[[str, int], None]
) -> dict[str, Any]:
    before = {room.name: room.named() for room in ROOMS}
    published: dict[str, Published] = {}
    try:
        for room in ROOMS:
            published[room.name] = folders_publish(archive, room, staging)
        with transaction.atomic():
            rows = _replace(archive, published, on_table)
    except BaseException:
        for done in published.values():
            done.discard()
        raise
    for room in ROOMS:
        for name in set(before[room.name]) - set(room.named()):
            room.discard(name)
    folders = sum(len(done.names) for done in published.values())
    missing = archive.manifest["missing"]
    return {"rows": sum(rows.values()), "tables": rows, "folders": folders, "missing": missing}


def _replace(
    archive: ArchiveReader,
    published: dict[str, Published],
    on_table: Callable[[str, int], None],
) -> dict[str, int]:
    which = tables()
    tables_empty(which)
    told = archive.manifest["rows"]
    rows: dict[str, int] = {}
    for model in which:
        label = model._meta.label_lower
        rows[label] = rows_insert(model, _rows(archive, model, published))
        if rows[label] != told[label]:
            raise damaged(f"{label}: {rows[label]} != {told[label]}")
        on_table(label, rows[label])
    sequences_set(which)
    connection.check_constraints()
    return rows


def _rows(
    archive: ArchiveReader, model: type[models.Model], published: dict[str, Published]
) -> Iterator[list[Any]]:
    """The rows of a table, with the names that their folders have here."""
    label = model._meta.label_lower
    lines = archive.lines(f"data/{label}.jsonl")
    names = next(lines)
    if names != [field.attname for field in columns(model)]:
        raise damaged(f"{label}: {', '.join(names)}")
    room = next((room for room in ROOMS if room.model is model), None)
    if room is None:
        yield from lines
        return
    place, here = names.index(room.column), published[room.name].names
    for row in lines:
        row[place] = here.get(row[place], row[place])
        yield row
