"""Backups by schedule: made, the newest kept, the last one told."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from typing import Any

from django.utils import timezone

from analytics.conf import conf
from analytics.services.backups.backup import backup_make

logger = logging.getLogger(__name__)
_NAME = "paralelo-%Y%m%d-%H%M%S.zip"


def backup_scheduled(*, now: dt.datetime | None = None) -> dict[str, Any]:
    """Back up into HOME/backups and keep the newest KEEP_BACKUPS; the others, and what a backup
    that was killed left, go only when the new one is there."""
    folder = conf().backups
    made = backup_make(path=folder / f"{now or timezone.now():{_NAME}}")
    for old in backups()[conf().KEEP_BACKUPS :]:
        old.unlink(missing_ok=True)
    for left in folder.glob(".*.part"):
        left.unlink(missing_ok=True)
    logger.info("backup %s: %s rows, %s bytes", made["path"], made["rows"], made["bytes"])
    return made


def backups() -> list[Path]:
    """Scheduled backups that are there, newest first."""
    return sorted(conf().backups.glob("paralelo-*.zip"), reverse=True)


def backup_last() -> dict[str, Any] | None:
    """The newest scheduled backup, in plain values; None where there is none."""
    for path in backups():
        try:
            size = path.stat().st_size
            made_at = dt.datetime.strptime(path.name, _NAME).replace(tzinfo=dt.UTC)
        except (OSError, ValueError):
            continue
        return {"name": path.name, "made_at": made_at, "bytes": size}
    return None
