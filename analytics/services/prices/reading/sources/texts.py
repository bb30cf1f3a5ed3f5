"""Bytes of a text, whatever its encoding -> a stream of UTF-8 for the parser."""

from __future__ import annotations

import codecs
import io
import re

from django.utils.translation import gettext as _

from analytics.lazily import charset_normalizer
from analytics.services.prices.reading.decisions import Decision, unreadable
from analytics.services.prices.reading.sources.containers import Content
from analytics.services.prices.reading.words.names import column_name

SAMPLE = 256 << 10
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What spreadsheets of the product's countries write besides Unicode.
_LEGACY = ["cp1252", "mac_roman", "cp850", "cp1251"]
#: What stands between two digits and is no separator that anybody writes (spaces, apostrophes).
_STRANGE = re.compile(r"(?<=\d)[^\x00-\x7f\s\u2018\u2019\u00b4](?=\d)")
_HEADER_LINES = 20
_MOST_CONTROLS = 0.01


def text_encoding(content: Content, wanted: str | None, decisions: list[Decision]) -> str:
    """The encoding, by byte order mark, by strict UTF-8, by the zeros of UTF-16, else by
    charset-normalizer; raises InvalidInput (bad_file) where it is no text."""
    sample = content.head(SAMPLE)
    encoding, why = _guess(sample) if wanted is None else (wanted, _("as asked for"))
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(sample, final=False)
    except UnicodeDecodeError as error:
        why = _("it is not text in %(encoding)s") % {"encoding": encoding}
        raise unreadable(content.name, why) from error
    controls = sum(text.count(chr(code)) for code in (*range(9), 14, 15, *range(16, 32)))
    if controls > _MOST_CONTROLS * len(text):
        raise unreadable(content.name, _("it is not a table of text"))
    if text.lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
        raise unreadable(content.name, _("it is a web page or XML, not a table"))
    if encoding not in ("utf-8", "utf-8-sig"):
        decisions.append(Decision(_("encoding"), encoding, why, "encoding", ("utf-8", *_LEGACY)))
    return encoding


def text_sample(content: Content, encoding: str) -> str:
    """The first whole lines of a text."""
    sample = content.head(SAMPLE)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample).lstrip("\ufeff")
    if len(sample) < SAMPLE:
        return text
    end = max(text.rfind("\n"), text.rfind("\r"))
    return text[: end + 1] if end > 0 else text


def _guess(sample: bytes) -> tuple[str, str]:
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return encoding, _("the byte order mark")
    zeros = sample.count(0)
    if zeros > len(sample) // 4:
        little = sample[1::2].count(0) > sample[::2].count(0)
        return ("utf-16-le" if little else "utf-16-be"), _("every other byte is zero")
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(sample, final=False)
        return "utf-8", ""
    except UnicodeDecodeError:
        return _legacy(sample), _("it is not UTF-8; so its names are words")


def _legacy(sample: bytes) -> str:
    """The older encoding under which most names of columns are known, and of these the one under
    which the fewest figures have a strange sign inside; charset-normalizer's guess where that tells
    nothing. A short text with a space of its own in "1 000" is too little for it."""
    best = charset_normalizer.from_bytes(sample, cp_isolation=_LEGACY).best()
    likely = [best.encoding, *_LEGACY] if best is not None else _LEGACY

    def known(encoding: str) -> int:
        lines = sample.decode(encoding, "replace").splitlines()[:_HEADER_LINES]
        cells = (cell for line in lines for cell in re.split("[,;|\t]", line))
        return sum(bool(column_name(cell.strip().strip('"')).role) for cell in cells)

    def strange(encoding: str) -> int:
        return len(_STRANGE.findall(sample.decode(encoding, "replace")))

    return max(likely, key=lambda encoding: (known(encoding), -strange(encoding)))


class Utf8(io.RawIOBase):
    """A content as a stream of UTF-8 without a byte order mark; what cannot be decoded becomes the
    replacement character. `quotes` and `lines` count the quote signs and ends of
    lines that passed. With `mend`, a quote that
    is open at the end of its line is closed there, so that it costs its own line only."""

    def __init__(self, content: Content, encoding: str, mend: bool = False) -> None:
        self._stream = content.open()
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._plain = encoding == "utf-8"
        self._mend, self._tail, self._ready, self._ended = mend, b"", b"", False
        self.quotes = self.lines = 0

    def readable(self) -> bool:
        """As io.RawIOBase."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """As io.RawIOBase."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close what it reads from too."""
        self._stream.close()
        super().close()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, as the parser insists; b"" at the end."""
        while not self._ready and not self._ended:
            raw = self._stream.read(size)
            self._ended = not raw
            data = self._decoded(raw)
            self.quotes += data.count(b'"')
            self.lines += data.count(b"\n")
            self._ready = self._mended(data, last=not raw) if self._mend else data
        size = len(self._ready) if size < 0 else size
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _decoded(self, raw: bytes) -> bytes:
        if self._plain and raw.isascii() and not self._decoder.getstate()[0]:
            return raw
        return self._decoder.decode(raw, final=not raw).encode()

    def _mended(self, data: bytes, *, last: bool) -> bytes:
        lines = (self._tail + data).splitlines(keepends=True)
        self._tail = b"" if last or not lines else lines.pop()
        return b"".join(_closed(line) if line.count(b'"') % 2 else line for line in lines)


def _closed(line: bytes) -> bytes:
    bare = line.rstrip(b"\r\n")
    return bare + b'"' + line[len(bare) :]
