"""The storage that all hosts share: an artifact's files and a marker, below its name."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages
from django.utils.translation import gettext as _

from analytics.exceptions import StorageAway, one_line

logger = logging.getLogger(__name__)
#: Beside an artifact's files, their sizes and sums; at the top, a file by which a storage that lost
#: an artifact is told from one that is not ours (not mounted, another bucket).
_MARKER, _SIGN = "complete.json", "paralelo.txt"
#: Only folders of such names are ever swept, whatever else somebody keeps there.
_OURS = re.compile(r"\w+-\d+-run\d+-\d+(-[0-9a-f]{8})?")
#: Tries of a training to publish, and the first of the seconds between them: 2, 4, 8, 16.
TRIES, FIRST_WAIT = 5, 2.0


def shared() -> Storage | None:
    """The storage, where the settings name one."""
    return storages["artifacts"] if "artifacts" in storages.backends else None


@contextmanager
def asked() -> Iterator[None]:
    """That a file is not there is an answer. Whatever else is raised, by any backend or the disk
    that is fetched to, says nothing of the artifact and may be over soon: StorageAway."""
    try:
        yield
    except (FileNotFoundError, StorageAway, MemoryError):
        raise
    except Exception as error:
        why = one_line(f"{type(error).__name__}: {error}")
        said = _("The storage of the artifacts cannot be used now (%(why)s).") % {"why": why}
        raise StorageAway(said) from error


def is_ours(store: Storage) -> bool:
    """Whether anything was ever put into it."""
    return store.exists(_SIGN)


def has(store: Storage, name: str) -> bool:
    """Whether it has all of an artifact."""
    return store.exists(f"{name}/{_MARKER}")


def upload(store: Storage, folder: Path, name: str) -> None:
    """Every file, then the marker. Raises StorageAway only after some patience: hours of training
    may be in it."""
    wait = FIRST_WAIT
    for left in reversed(range(TRIES)):
        try:
            with asked():
                _upload_once(store, folder, name)
            return
        except StorageAway as error:
            if not left:
                raise
            logger.warning("%s; another try in %.0f s", error, wait)
        time.sleep(wait)
        wait *= 2


def _upload_once(store: Storage, folder: Path, name: str) -> None:
    if not store.exists(_SIGN):
        store.save(_SIGN, ContentFile(b"The artifacts of one Paralelo server: a folder each.\n"))
    store.delete(f"{name}/{_MARKER}")
    files = sorted(folder.iterdir())
    for path in files:
        with path.open("rb") as stream:
            store.save(f"{name}/{path.name}", File(stream))
    _mark(store, name, {path.name: _facts(path) for path in files})


def _mark(store: Storage, name: str, files: Mapping[str, Any]) -> None:
    """From here on the artifact exists."""
    store.save(f"{name}/{_MARKER}", ContentFile(json.dumps(files, indent=1).encode()))


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def download(store: Storage, name: str, staged: Path) -> None:
    """Raises FileNotFoundError for what is not all there, as it was put there."""
    with store.open(f"{name}/{_MARKER}") as stream:
        marker = stream.read()
    try:
        files = json.loads(marker)
    except ValueError as error:
        raise FileNotFoundError(f"The marker of {name} in the storage is not whole.") from error
    for file, facts in files.items():
        if Path(file).name != file:
            raise FileNotFoundError(f"The marker of {name} names no file of it.")
        with store.open(f"{name}/{file}") as source, (staged / file).open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        if _facts(staged / file) != facts:
            raise FileNotFoundError(f"{file} of {name} in the storage is another one.")


def forgotten(store: Storage, known: set[str], limit: float) -> Iterator[str]:
    """Names in the storage that no row holds, and none of whose files is newer than `limit`."""
    for name in store.listdir("")[0]:
        if name not in known and _OURS.fullmatch(name):
            files = [f"{name}/{file}" for file in store.listdir(name)[1]] or [name]
            if max(store.get_modified_time(file).timestamp() for file in files) < limit:
                yield name


def remove(store: Storage, name: str) -> None:
    """The marker first: half removed, it does not exist. Raises StorageAway."""
    with asked():
        store.delete(f"{name}/{_MARKER}")
        for file in store.listdir(name)[1]:
            store.delete(f"{name}/{file}")
        with suppress(FileNotFoundError):
            store.delete(name)  # its folder, where the storage has folders
