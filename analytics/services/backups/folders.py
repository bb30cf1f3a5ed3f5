"""Folders that rows name: the artifact of a version, the files of a backtest."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.db.models import Model

from analytics import artifacts
from analytics.conf import conf
from analytics.models import BacktestRun, TrainedModel
from analytics.services.backups.archive import ArchiveReader


@dataclass(frozen=True)
class Room:
    """Folders of one kind: the column that names each, and where they lie."""

    name: str
    model: type[Model]
    column: str

    @property
    def root(self) -> Path:
        """The folder of the folders."""
        return getattr(conf(), self.name)

    def named(self) -> list[str]:
        """Names that rows hold now."""
        rows = self.model._default_manager.exclude(**{self.column: ""}).order_by("pk")
        return list(rows.values_list(self.column, flat=True))

    def fetch(self, folder: str) -> None:
        """Have a folder here that lies in a storage for all hosts."""

    def keep(self, folder: str) -> None:
        """Leave a folder here as it is, for rows to name."""

    def publish(self, staged: Path, folder: str) -> None:
        """Lay a folder where rows may name it, by one rename."""
        self.root.mkdir(parents=True, exist_ok=True)
        staged.rename(self.root / folder)

    def discard(self, folder: str) -> None:
        """Remove a folder that no row names."""
        shutil.rmtree(self.root / folder, ignore_errors=True)

    def files(self, folder: str) -> Iterator[tuple[str, Path]]:
        """(name in the archive, file) of all that lies in a folder. Raises StorageAway."""
        base = self.root / folder
        self.fetch(folder)
        for path in sorted(base.rglob("*")):
            if path.is_file():
                yield f"files/{self.name}/{folder}/{path.relative_to(base).as_posix()}", path


class Artifacts(Room):
    """They may lie in a storage for all hosts."""

    def fetch(self, folder: str) -> None:
        """One that is not there either is missing, as on a single host."""
        with suppress(FileNotFoundError, ValueError):
            artifacts.fetch(folder)

    def keep(self, folder: str) -> None:
        """In the storage too, which may be another one than when it was made."""
        artifacts.share(folder)

    def publish(self, staged: Path, folder: str) -> None:
        """Into the storage too."""
        artifacts.publish(staged, folder)

    def discard(self, folder: str) -> None:
        """From the storage too."""
        artifacts.discard(artifacts.folder_of(folder))


ROOMS = (
    Artifacts("artifacts", TrainedModel, "artifact"),
    Room("backtests", BacktestRun, "folder"),
)


@dataclass
class Published:
    """Folders of a backup that lie where rows may name them: `names` maps a name in the backup to
    the one here; `made` are new, and to go again if the rows do not come."""

    room: Room
    names: dict[str, str]
    made: list[str]

    def discard(self) -> None:
        """Remove the new ones."""
        for folder in self.made:
            self.room.discard(folder)


def folders_publish(archive: ArchiveReader, room: Room, staging: Path) -> Published:
    """Lay the folders of a backup beside those that are there, each by one rename, and touch none
    of these: the same folder is used as it is, another one of that name keeps it. Until a row
    names them they mean nothing."""
    done = Published(room, {}, [])
    try:
        for folder, members in archive.folders(room.name).items():
            done.names[folder] = _publish(archive, room, folder, members, staging, done.made)
    except BaseException:
        done.discard()
        raise
    return done


def _publish(
    archive: ArchiveReader,
    room: Room,
    folder: str,
    members: dict[str, PurePosixPath],
    staging: Path,
    made: list[str],
) -> str:
    room.fetch(folder)
    target, name = room.root / folder, folder
    if target.exists():
        if _is_same(archive, target, members):
            room.keep(name)
            return name
        name = f"{folder}-{uuid.uuid4().hex[:8]}"
    for member, path in members.items():
        archive.extract(member, staging / room.name / name / path)
    made.append(name)
    room.publish(staging / room.name / name, name)
    return name


def _is_same(archive: ArchiveReader, target: Path, members: dict[str, PurePosixPath]) -> bool:
    there = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    if there != {str(path) for path in members.values()}:
        return False
    told = archive.manifest["members"]
    return all(_digest(target / path) == told[name]["sha256"] for name, path in members.items())


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
