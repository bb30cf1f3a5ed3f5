"""How the server stands, for whoever runs it: worker, queue by kind, disk, version, last backup."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from analytics import queue
from analytics.conf import conf
from analytics.exceptions import NotFound
from analytics.models.run import Run
from analytics.services.jobs.kinds import AnyKind, job_kinds
from analytics.services.status import worker_status

#: Runs of a kind that are listed, and bytes of a log that are shown (its end).
LISTED, LOG_BYTES = 10, 64_000
_BACKUP = "analytics.services.backups.keeping.backup_last"


def operations_status() -> dict[str, Any]:
    """Everything but the runs, in plain values; sizes in bytes."""
    home = Path(conf().HOME)
    disk = shutil.disk_usage(home if home.exists() else Path.cwd())
    return {
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
        "debug": settings.DEBUG,
        "database": connection.vendor,
        "worker": worker_status(),
        "queue": _queue(),
        "disk": {
            "free": disk.free,
            "total": disk.total,
            "parts": [(path.name, folder_bytes(path)) for path in _folders(home)],
            "database": _database_size(),
        },
        "last_backup": _last_backup(),
    }


def runs_latest(kind: AnyKind) -> list[Run]:
    """The newest runs of a kind."""
    return list(kind.runs.select_related("requested_by").order_by("-pk")[:LISTED])


def runs_logged(kind: AnyKind) -> set[int]:
    """Ids of the runs of a kind whose log is kept."""
    names = (path.stem for path in conf().logs.glob(f"{kind.log_name}-*.log"))
    ends = (name.removeprefix(f"{kind.log_name}-") for name in names)
    return {int(end) for end in ends if end.isascii() and end.isdigit()}


def run_log(*, kind: str, run_id: int) -> str:
    """The end of what a run's process wrote. Raises NotFound (no_log)."""
    known = {one.name: one for one in job_kinds()}
    path = conf().logs / f"{known[kind].log_name}-{run_id}.log" if kind in known else None
    if path is None or not path.is_file():
        raise NotFound(_("No log of this run is kept."), "no_log")
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - LOG_BYTES))
        return stream.read().decode("utf-8", "replace")


def _queue() -> list[dict[str, Any]]:
    """Per kind of long work what waits and what runs."""
    found: list[dict[str, Any]] = []
    for kind in job_kinds():
        states = Counter(kind.runs.filter(status__in=Run.OPEN).values_list("status", flat=True))
        waiting, running = states[Run.Status.QUEUED], states[Run.Status.RUNNING]
        found.append({"kind": kind.name, "queued": waiting, "running": running})
    long = sum(one["queued"] for one in found)
    # What waits beside runs: periodic work.
    length = queue.queue_length()
    other = None if length is None else max(0, length - long)
    return [*found, {"kind": "", "queued": other, "running": None}]


def _folders(home: Path) -> list[Path]:
    known = (conf().artifacts, conf().backtests, conf().uploads, conf().logs, home / "backups")
    return [path for path in known if path.is_dir()]


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below; those that vanish meanwhile count nothing."""
    total = 0
    for parent, _inner, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total


def _database_size() -> int | None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _last_backup() -> dict[str, Any] | None:
    """What the backups say of the newest one; None while there is none (or nobody to make one)."""
    try:
        ask: Callable[[], dict[str, Any] | None] = import_string(_BACKUP)
    except ImportError:
        return None
    return ask()
