"""Where artifacts lie: stage, publish with one rename, discard. A folder may lack its row (it is
swept later); a row never lacks its folder."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from analytics.conf import conf

_STAGING = ".staging"


def stage(name: str) -> Path:
    """An empty folder to train into, beside the published ones so that a rename is atomic."""
    folder = conf().artifacts / _STAGING / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def publish(staged: Path, name: str) -> Path:
    """Move a staged artifact to its final name; raises FileExistsError if that name is taken."""
    target = folder_of(name)
    if target.exists():
        raise FileExistsError(f"the artifact {name} is already published")
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(staged, target)
    return target


def folder_of(name: str) -> Path:
    """The published folder of that name."""
    if Path(name).name != name or name.startswith("."):
        raise ValueError(f"{name!r} is not an artifact's name")
    return conf().artifacts / name


def pack(name: str, more: Mapping[str, str]) -> IO[bytes]:
    """The published folder of that name as a zip, with further texts `more` by file name; read from
    its beginning. Weights do not shrink: they are stored as they are. Raises FileNotFoundError."""
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
    """Remove a staged or published folder; one that is not there is fine."""
    shutil.rmtree(folder, ignore_errors=True)


def folders() -> list[Path]:
    """Every staged and published folder."""
    root = conf().artifacts
    bases = [base for base in (root, root / _STAGING) if base.is_dir()]
    found = [folder for base in bases for folder in sorted(base.iterdir())]
    return [folder for folder in found if folder.is_dir() and folder.name != _STAGING]


def sweep(known: set[str], *, older_than_seconds: float = 86_400) -> list[str]:
    """Remove published folders without a row and staged ones left behind, if they are old enough
    that no training can still be about to claim them. Returns their names."""
    root, removed = conf().artifacts, []
    limit = time.time() - older_than_seconds
    for folder in folders():
        is_published = folder.parent == root and folder.name in known
        if not is_published and folder.stat().st_mtime < limit:
            discard(folder)
            removed.append(folder.name)
    return removed
