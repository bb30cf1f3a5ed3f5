"""Files that staff sent, kept for a day: HOME/uploads, a folder of a random name for each."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.utils import timezone
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _

from analytics.conf import conf
from analytics.exceptions import InvalidInput, NotFound
from analytics.models import ImportRun
from analytics.services.prices.reading.decisions import unreadable

UPLOADS_TASK = "analytics.tasks.sweep_uploads"
KEPT = dt.timedelta(days=1)
_TOKEN = re.compile(r"[0-9a-f]{32}")
#: Letters of up to four bytes, and the end that the rejects add, fit into what file systems take.
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Upload:
    """`token` names its folder, `path` is the file in it under the name that it had."""

    token: str
    path: Path

    @property
    def name(self) -> str:
        """The file's own, made harmless."""
        return self.path.name

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    @property
    def rejects(self) -> Path:
        """Where an import of it leaves its rejects, if there are any."""
        return self.path.with_name(f"{self.name}.rejects.csv")


def most_bytes() -> int:
    """How large a file may be."""
    return conf().MAX_UPLOAD_MB * 1024 * 1024


def too_large() -> InvalidInput:
    """The refusal of a larger one."""
    return InvalidInput(
        _("The file is larger than %(most)s MB.") % {"most": conf().MAX_UPLOAD_MB},
        "too_big",
        {"file": _("too large")},
    )


def upload_store(*, chunks: Iterable[bytes], name: str) -> Upload:
    """Keep a file that is sent in pieces. Raises InvalidInput (too_big, empty_file, bad_file); what
    was written of a refused one is gone."""
    uploads_sweep()
    token = secrets.token_hex(16)
    folder = conf().uploads / token
    path = folder / _safe(name)
    try:
        folder.mkdir(parents=True)
        _write(chunks, path)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise unreadable(path.name, error) from error
    except InvalidInput:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Upload(token, path)


def _safe(name: str) -> str:
    """The name without anything that means something to a file system, its end kept."""
    plain = re.split(r"[/\\]", name)[-1][-_LONGEST_NAME:]
    plain = re.sub(r"[^\w.\-]", "_", get_valid_filename(f"f{plain}")[1:]).lstrip(".")
    return plain or "file"


def _write(chunks: Iterable[bytes], path: Path) -> None:
    size = 0
    with path.open("wb") as stream:
        for chunk in chunks:
            size += len(chunk)
            if size > most_bytes():
                raise too_large()
            stream.write(chunk)
    if not size:
        raise InvalidInput(_("%(file)s is empty.") % {"file": path.name}, "empty_file")


def upload_get(token: str) -> Upload:
    """Raises NotFound (unknown_upload)."""
    folder = conf().uploads / token
    found = sorted(folder.glob("*")) if _TOKEN.fullmatch(token) else []
    files = [path for path in found if not path.name.endswith(".rejects.csv")] or found
    if not files:
        raise NotFound(
            _("The file is not here any more: it is kept for a day. Send it again."),
            "unknown_upload",
        )
    return Upload(token, files[0])


def uploads_sweep(*, now: dt.datetime | None = None) -> int:
    """Remove the files that were sent more than a day ago, but those of open imports; how many."""
    limit = ((now or timezone.now()) - KEPT).timestamp()
    folders = [p for p in conf().uploads.glob("*") if p.is_dir() and p.stat().st_mtime < limit]
    needed = set(
        ImportRun.objects.filter(status__in=ImportRun.OPEN).values_list("upload", flat=True)
    )
    gone = [folder for folder in folders if folder.name not in needed]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return len(gone)
