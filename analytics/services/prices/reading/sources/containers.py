"""What a file is wrapped in (gzip, bzip2, xz, zip): judged by its first bytes, bounded."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading.decisions import (
    Choice,
    Decision,
    empty,
    undecided,
    unreadable,
)

GZIP, ZIP, PARQUET, OLE = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"
#: What is streamed, and what has to be held in memory, may be so large once unpacked.
MOST_STREAMED, MOST_HELD = 8 << 30, 512 << 20
#: Above this many bytes no honest table is packed as tightly as one to this.
_SUSPECT_FROM, _MOST_RATIO = 64 << 20, 400
_HEAD, _DEEPEST = 4096, 3
#: Bytes to be read; the standard library has no one type for its streams.
Stream = BinaryIO | IO[bytes] | io.RawIOBase | io.BufferedIOBase
_OPENERS: dict[bytes, Callable[[Stream], Stream]] = {
    GZIP: lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": lambda raw: bz2.BZ2File(cast("BinaryIO", raw)),
    b"\xfd7zXZ": lambda raw: lzma.LZMAFile(cast("BinaryIO", raw)),  # noqa: SIM115
}
_FOREIGN = {
    b"%PDF": "PDF", b"7z\xbc\xaf": "7z", b"Rar!": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard",
    b"SQLite format 3": "SQLite", b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG",
}  # fmt: skip
_SHEETS = ("xl/", "mimetype", "content.xml", "[Content_Types].xml")
_PERIOD = re.compile(r"(?<!\d)(?:19|20)\d{2}(?:[-_.]?\d{2}){0,2}(?!\d)")
_NOT_DATA = re.compile(
    r"(^|/)(__MACOSX/|\.|readme|license|licence)|\.(checksum|sha256|md5|md|pdf|png|html?)$", re.I
)
#: What a damaged file makes the standard library raise.
BROKEN = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, ValueError,
    NotImplementedError, struct.error,
)  # fmt: skip


@dataclass(frozen=True)
class Content:
    """Bytes that can be opened again and again; `name` is for messages."""

    name: str
    open: Callable[[], Stream]

    def head(self, size: int = _HEAD) -> bytes:
        """The first bytes; raises InvalidInput (bad_file)."""
        try:
            with self.open() as stream:
                return stream.read(size)
        except BROKEN as error:
            raise unreadable(self.name, error) from error

    def held(self) -> bytes:
        """All of it, if it is not too large to be held in memory."""
        try:
            with self.open() as stream:
                data = stream.read(MOST_HELD + 1)
        except BROKEN as error:
            raise unreadable(self.name, error) from error
        if len(data) > MOST_HELD:
            raise too_large(self.name, MOST_HELD)
        return data


def too_large(name: str, most: int) -> InvalidInput:
    """The refusal of what would fill the memory; `most` in bytes."""
    return unreadable(name, _("unpacked it is larger than %(most)s MB") % {"most": most >> 20})


def file_content(path: Path) -> Content:
    """The content of a file; raises InvalidInput: no_file, empty_file, bad_file."""
    if not path.is_file():
        raise InvalidInput(
            _("There is no file %(path)s.") % {"path": path}, "no_file", {"path": _("not found")}
        )
    content = Content(path.name, lambda: path.open("rb"))
    head = content.head()
    if not head:
        raise empty(path.name)
    if path.suffix == ".gz" and not head.startswith(GZIP):
        raise unreadable(path.name, _("not a gzip file"))
    if path.suffix in (".parquet", ".pq") and not head.startswith(PARQUET):
        raise unreadable(path.name, _("not a parquet file"))
    return content


def unwrapped(
    content: Content, sheet: str | None, decisions: list[Decision], depth: int = 0
) -> list[Content]:
    """What is inside: one content, or several files of a zip that are read one after another."""
    head = content.head()
    if not head.strip():
        raise empty(content.name)
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise unreadable(content.name, _("it is a %(kind)s file") % {"kind": name})
    if head[257:262] == b"ustar":
        raise unreadable(content.name, _("it is a %(kind)s file") % {"kind": "tar"})
    opener = next((o for magic, o in _OPENERS.items() if head.startswith(magic)), None)
    if opener is None and (not head.startswith(ZIP) or _is_workbook(content)):
        return [content]
    if depth == _DEEPEST:
        raise unreadable(content.name, _("packed in too many layers"))
    inner = [_packed(content, opener)] if opener else _members(content, sheet, decisions)
    return [part for one in inner for part in unwrapped(one, sheet, decisions, depth + 1)]


def _packed(content: Content, opener: Callable[[Stream], Stream]) -> Content:
    return Content(content.name, lambda: _Bounded(content.open(), opener, content.name))


class _Bounded(io.RawIOBase):
    """The unpacked bytes of a stream, up to a bound; a suspiciously tight packing is refused."""

    def __init__(
        self, raw: Stream, opener: Callable[[Stream], Stream], name: str, packed: int = 0
    ) -> None:
        self._raw, self._stream, self._name, self._packed = raw, opener(raw), name, packed
        self._count = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._count += len(data)
        if self._count > _SUSPECT_FROM:
            packed = self._packed or max(self._raw.tell(), 1)
            if self._count > MOST_STREAMED or self._count > packed * _MOST_RATIO:
                raise too_large(self._name, min(MOST_STREAMED, packed * _MOST_RATIO))
        return data

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        self._raw.close()
        super().close()


# ------------------------------------------------------------------------------------------- zip
def _seekable(content: Content) -> Stream:
    stream = content.open()
    if stream.seekable():
        return stream
    stream.close()
    return io.BytesIO(content.held())


def _inside(content: Content) -> list[zipfile.ZipInfo]:
    """What an archive has inside."""
    try:
        with _seekable(content) as stream, zipfile.ZipFile(stream) as archive:
            return archive.infolist()
    except BROKEN as error:
        raise unreadable(content.name, error) from error


def _is_workbook(content: Content) -> bool:
    return any(info.filename.startswith(_SHEETS) for info in _inside(content))


def _members(content: Content, sheet: str | None, decisions: list[Decision]) -> list[Content]:
    infos = [
        info
        for info in _inside(content)
        if not info.is_dir() and info.file_size and not _NOT_DATA.search(info.filename)
    ]
    if not infos:
        raise empty(content.name)
    chosen = chosen_parts(content.name, [info.filename for info in infos], sheet, decisions)
    infos = [info for info in infos if info.filename in chosen]
    if any(info.flag_bits & 1 for info in infos):
        raise unreadable(content.name, _("it is protected by a password"))
    return [_member(content, info) for info in infos]


def _member(content: Content, info: zipfile.ZipInfo) -> Content:
    def opener(raw: Stream) -> Stream:
        return zipfile.ZipFile(raw).open(info)

    name = f"{content.name}/{info.filename}"
    return Content(name, lambda: _Bounded(_seekable(content), opener, name, info.compress_size))


def chosen_parts(
    name: str, parts: list[str], wanted: str | None, decisions: list[Decision]
) -> list[str]:
    """Which sheets of a workbook, or files of a zip, are read: the one that was asked for, the only
    one, or several whose names differ by a date alone (a file a month); else the reading stops."""
    shown = ", ".join(parts[:8]) + (", …" if len(parts) > 8 else "")
    if wanted is not None:
        if wanted == "*":
            return parts
        found = [part for part in parts if wanted in (part, part.rsplit("/", 1)[-1])]
        if not found:
            raise InvalidInput(
                _("%(file)s has no part %(part)s, only: %(parts)s.")
                % {"file": name, "part": wanted, "parts": shown},
                "bad_option",
                {"sheet": _("not found")},
            )
        return found
    if len(parts) > 1 and len({_PERIOD.sub("#", part) for part in parts}) > 1:
        raise undecided(
            "ambiguous_sheet",
            _("%(file)s has several tables: %(parts)s.") % {"file": name, "parts": shown},
            "sheet",
            [Choice(part, _("only this one")) for part in parts[:8]],
        )
    if len(parts) > 1:
        decisions.append(
            Decision(
                _("parts"),
                shown,
                _("their names differ by a date alone, so they are read one after another"),
                "sheet",
                tuple(parts),
            )
        )
    return parts
