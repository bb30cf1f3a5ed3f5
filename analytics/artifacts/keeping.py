"""What is published, fetched and removed: here, and in the storage where there is one."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.core.files.storage import Storage
from django.utils.translation import gettext as _

from analytics.artifacts import storage
from analytics.artifacts.folders import folder_of, folders, stage
from analytics.artifacts.storage import asked, shared
from analytics.conf import conf
from analytics.exceptions import StorageAway

logger = logging.getLogger(__name__)
#: Seconds without another try after a fetch that failed; the next best version answers meanwhile.
PAUSE = 30.0
#: Until when, and why: of an artifact by its name, of the whole storage by "".
_failed: dict[str, tuple[float, Exception]] = {}


def publish(staged: Path, name: str) -> Path:
    """Move a staged artifact to its final name; raises FileExistsError if that name is taken, and
    StorageAway."""
    target = folder_of(name)
    if target.exists():
        raise FileExistsError(f"the artifact {name} is already published")
    if (store := shared()) is not None:
        storage.upload(store, staged, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(staged, target)
    return target


def fetch(name: str) -> None:
    """Have the folder of that name on this host, if there is a storage to have it from. Raises
    FileNotFoundError where the storage has none that is whole, and StorageAway."""
    store = shared()
    if store is None or folder_of(name).is_dir():
        return
    for key in ("", name):
        until, error = _failed.get(key, (0.0, None))
        if error is not None and time.monotonic() < until:
            raise error.with_traceback(None)
    try:
        _fetch(store, name)
    except (StorageAway, FileNotFoundError) as error:
        key = "" if isinstance(error, StorageAway) else name
        _failed[key] = (time.monotonic() + PAUSE, error)
        raise


def share(name: str) -> bool:
    """Put a published folder into the storage, if there is one that lacks it; whether it was put.
    Raises StorageAway."""
    store = shared()
    if store is None or not folder_of(name).is_dir():
        return False
    with asked():
        if storage.has(store, name):
            return False
    storage.upload(store, folder_of(name), name)
    return True


def pack(name: str, more: Mapping[str, str]) -> IO[bytes]:
    """The published folder of that name as a zip, with further texts `more` by file name; read from
    its beginning. Weights do not shrink: they are stored as they are. Raises FileNotFoundError."""
    fetch(name)
    folder = folder_of(name)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    packed = tempfile.TemporaryFile()  # noqa: SIM115 (whoever sends it closes it)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            archive.write(path, f"{name}/{path.name}")
        for file, text in more.items():
            archive.writestr(f"{name}/{file}", text)
    packed.seek(0)
    return packed


def discard(folder: Path) -> None:
    """Remove a staged or published folder; one that is not there is fine. What the storage does not
    let go now is swept later."""
    if folder.parent == conf().artifacts and (store := shared()) is not None:
        with _or_later():
            storage.remove(store, folder.name)
    shutil.rmtree(folder, ignore_errors=True)


def sweep(known: set[str], *, older_than_seconds: float = 86_400) -> list[str]:
    """Remove published folders without a row and staged ones left behind, if they are old enough
    that no training can still be about to claim them: here by the folder's time, in the storage by
    its files'. Returns their names."""
    root, removed = conf().artifacts, []
    limit = time.time() - older_than_seconds
    for folder in folders():
        is_published = folder.parent == root and folder.name in known
        if not is_published and folder.stat().st_mtime < limit:
            discard(folder)
            removed.append(folder.name)
    if (store := shared()) is not None:
        with _or_later(), asked():
            for name in storage.forgotten(store, known, limit):
                storage.remove(store, name)
                removed.append(name)
    return removed


@contextmanager
def _or_later() -> Iterator[None]:
    try:
        yield
    except StorageAway as error:
        logger.warning("left for the next sweep: %s", error)
    except FileNotFoundError:
        pass  # somebody else was faster


def _fetch(store: Storage, name: str) -> None:
    with asked():
        staged = stage(f"fetch-{name}-{uuid.uuid4().hex[:8]}")
        try:
            storage.download(store, name, staged)
            _settle(staged, folder_of(name))
        except FileNotFoundError:
            if not storage.is_ours(store):
                raise StorageAway(
                    _("The storage of the artifacts is not the one they were put into.")
                ) from None
            raise
        finally:
            discard(staged)


def _settle(staged: Path, target: Path) -> None:
    """The rename. Where another process was faster, its folder is the same."""
    try:
        os.rename(staged, target)
    except OSError:
        if not target.is_dir():
            raise
