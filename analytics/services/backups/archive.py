"""The file of a backup: a ZIP whose members are streamed, each with its SHA-256 in the manifest.

manifest.json                   what is in it, and for which migrations; written last
data/APP.MODEL.jsonl            the names of the columns, then a JSON list per row
files/ROOM/FOLDER/...           folders that rows name, as they are on disk
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from django.utils.translation import gettext as _

from analytics.exceptions import Conflict, InvalidInput

FORMAT = 1
MANIFEST = "manifest.json"
_CHUNK = 1 << 20
#: Rows are text that shrinks well at any level; weights do not at all.
_LEVEL = 3


class ArchiveWriter:
    """Writes members one after the other; `close` adds the manifest."""

    def __init__(self, path: Path) -> None:
        # Only the owner: it holds password hashes and keys.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self.members: dict[str, dict[str, Any]] = {}

    @contextmanager
    def member(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """A function that takes the next bytes of the member."""
        digest, size = hashlib.sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as stream:

            def write(data: bytes) -> None:
                nonlocal size
                digest.update(data)
                size += len(data)
                stream.write(data)

            yield write
        self.members[name] = {"sha256": digest.hexdigest(), "bytes": size}

    def add(self, name: str, path: Path) -> None:
        """A file of the disk."""
        with path.open("rb") as source, self.member(name) as write:
            while data := source.read(_CHUNK):
                write(data)

    def abandon(self) -> None:
        """Let the file go as it is; after `close` this does nothing."""
        for part in (self._zip, self._file):
            # What is still to be written may not fit on the disk either.
            with suppress(OSError):
                part.close()

    def close(self, **facts: Any) -> None:
        """Write the manifest with these facts, and have all of it on the disk."""
        manifest = {"format": FORMAT, **facts, "members": self.members}
        self._zip.writestr(MANIFEST, json.dumps(manifest, indent=1, default=str))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


class ArchiveReader:
    """Reads a backup. Raises InvalidInput (bad_backup) for what is none, or is damaged."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            self.manifest = json.loads(self._zip.read(MANIFEST))
            found = self.manifest["format"]
        except FileNotFoundError:
            raise
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
            raise damaged(f"{path.name}: {error}") from error
        if found != FORMAT:
            raise Conflict(
                _("The backup has format %(found)s, this program reads %(ours)s.")
                % {"found": found, "ours": FORMAT},
                "other_version",
            )

    def check(self) -> None:
        """Read every member once and compare it with its checksum."""
        there = set(self._zip.namelist()) - {MANIFEST}
        if there != set(self.manifest["members"]):
            raise damaged(_("members are missing, or there are more than it says"))
        for name, told in self.manifest["members"].items():
            digest = hashlib.sha256()
            try:
                for data in self._chunks(name):
                    digest.update(data)
            except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
                raise damaged(f"{name}: {error}") from error
            except Exception as error:  # zlib has an error of its own
                if type(error).__module__ != "zlib":
                    raise
                raise damaged(f"{name}: {error}") from error
            if digest.hexdigest() != told["sha256"]:
                raise damaged(_("the checksum of %(name)s is another one") % {"name": name})

    def lines(self, name: str) -> Iterator[Any]:
        """The JSON values of a member, a line each."""
        with self._zip.open(name) as stream:
            for line in stream:
                yield json.loads(line)

    def folders(self, room: str) -> dict[str, dict[str, PurePosixPath]]:
        """Of a room: folder -> member -> its path in the folder. Raises InvalidInput where a path
        would lead out of it."""
        found: dict[str, dict[str, PurePosixPath]] = {}
        for name in self.manifest["members"]:
            path = PurePosixPath(name)
            if path.parts[:2] != ("files", room):
                continue
            if len(path.parts) < 4 or ".." in path.parts or path.is_absolute():
                raise damaged(f"{name!r}")
            found.setdefault(path.parts[2], {})[name] = PurePosixPath(*path.parts[3:])
        return found

    def extract(self, name: str, target: Path) -> None:
        """Write a member to the disk."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as stream:
            for data in self._chunks(name):
                stream.write(data)

    def _chunks(self, name: str) -> Iterator[bytes]:
        with self._zip.open(name) as stream:
            while data := stream.read(_CHUNK):
                yield data

    def close(self) -> None:
        """The file is no longer needed."""
        self._zip.close()


def damaged(why: str) -> InvalidInput:
    """The refusal of a file that is no sound backup."""
    return InvalidInput(
        _("This is no backup that can be restored (%(why)s).") % {"why": why},
        "bad_backup",
        {"file": _("must be a file that the command backup made")},
    )
