"""Text with separators -> a Table: encoding, delimiter and quoting once, then pyarrow's parser."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, cast

from django.utils.translation import gettext as _

from analytics.lazily import np, pa, pa_csv
from analytics.services.prices.reading.decisions import Decision, Reject, shortened, unreadable
from analytics.services.prices.reading.options import ReadOptions
from analytics.services.prices.reading.sources.containers import BROKEN, Content
from analytics.services.prices.reading.sources.dialects import Dialect, looked_at, said
from analytics.services.prices.reading.sources.tables import Block, Restart, Table
from analytics.services.prices.reading.sources.texts import Utf8, text_encoding, text_sample

#: Bytes of a block. The parser takes them in pieces, as it reads up to 32 of what it takes ahead of
#: whoever asks: whole blocks would fill the memory with what is not needed yet.
_BLOCK_BYTES = 2 << 20


@dataclass
class _Rows:
    """The numbers of rows, and those that the parser refused, in one pass over a text."""

    next: int
    width: int
    delimiter: str
    quote: str
    torn: list[Reject] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    saved: list[tuple[int, list[str]]] = field(default_factory=list)

    def refuse(self, row: pa_csv.InvalidRow) -> str:
        """Set a row aside; the lines that a stray quote swallowed are looked at again, and a row
        that only ends in blank cells is saved."""
        self.refused.append(row.number)
        lines = row.text.splitlines() or [""]
        for place, line in enumerate(lines):
            cells = next(csv.reader([line], delimiter=self.delimiter, quotechar=self.quote), [])
            surplus = cells[self.width :]
            if (
                len(cells) >= self.width
                and not any(c.strip() for c in surplus)
                and (place or surplus)
            ):
                self.saved.append((row.number + place, cells[: self.width]))
            elif line.strip():
                reason = _wrong_count(self.width, row.actual_columns if not place else len(cells))
                self.torn.append(Reject(row.number + place, reason, shortened(line, 500)))
        return "skip"

    def numbers(self, count: int) -> np.ndarray:
        """The numbers of the next `count` good rows."""
        several = np.arange(self.next, self.next + count + len(self.refused))
        good = several[~np.isin(several, self.refused)][:count]
        self.next = int(good[-1]) + 1 if count else self.next
        self.refused = [number for number in self.refused if number >= self.next]
        return good


def _wrong_count(wanted: int, found: int) -> str:
    return _("%(wanted)s columns expected, %(found)s found") % {"wanted": wanted, "found": found}


def csv_table(content: Content, options: ReadOptions, decisions: list[Decision]) -> Table:
    """The table of a text; raises InvalidInput: bad_file, bad_header."""
    encoding = text_encoding(content, options.encoding, decisions)
    text = text_sample(content, encoding)
    dialect, layout, rows = looked_at(content.name, text, encoding, options)
    decisions += said(dialect, layout, rows)

    def blocks(columns: Sequence[int]) -> Iterator[Block]:
        return _blocks(content, dialect, len(layout.names), columns)

    sample = [list(row) for row in rows[layout.first :] if len(row) == len(layout.names)]
    return Table(content.name, layout, sample, blocks, dialect.delimiter)


def _blocks(
    content: Content, dialect: Dialect, width: int, columns: Sequence[int]
) -> Iterator[Block]:
    names = [f"c{place}" for place in range(width)]
    wanted = [names[place] for place in columns]
    rows = _Rows(dialect.skip + 1, width, dialect.delimiter, dialect.quote)
    try:
        with Utf8(content, dialect.encoding, dialect.mend) as stream:
            parser = _parser(stream, dialect, names, wanted, rows)
            while batches := list(islice(parser, _BLOCK_BYTES // dialect.piece)):
                yield _block(pa.concat_batches(batches), columns, rows)
                yield from _saved(columns, rows)
            broken = _badly_quoted(content, dialect, stream, rows)
    except pa.ArrowInvalid as error:
        if "Could not skip" in str(error):  # there is nothing below the header
            return
        straddling = "straddling" in str(error)
        if straddling and dialect.piece < _BLOCK_BYTES:  # a row is longer than a piece
            dialect.piece = _BLOCK_BYTES
            raise Restart from error
        broken = straddling and not dialect.checked
        if not broken:
            raise unreadable(content.name, error) from error
    except BROKEN as error:
        raise unreadable(content.name, error) from error
    dialect.checked = True
    if broken:
        dialect.mend = True
        raise Restart
    yield from _saved(columns, rows)
    if rows.torn:
        nothing = {place: pa.array([], pa.string()) for place in columns}
        yield Block(nothing, np.array([], dtype="int64"), rows.torn)


def _badly_quoted(content: Content, dialect: Dialect, stream: Utf8, rows: _Rows) -> bool:
    """Whether a quote of the text is not closed where it should be. Where no cell holds a line
    break, an even number of quotes is enough; else every line is looked at."""
    if dialect.checked or dialect.quote != '"' or dialect.escape or not stream.quotes:
        return False
    if stream.quotes % 2:
        return True
    if stream.lines <= rows.next + len(rows.refused):
        return False
    stream = Utf8(content, dialect.encoding)
    with io.TextIOWrapper(cast("BinaryIO", stream), "utf-8", newline="") as text:
        reader = csv.reader(text, delimiter=dialect.delimiter, strict=True)
        try:
            for _row in reader:
                pass
        except csv.Error:
            return True
    return False


def _parser(
    stream: Utf8, dialect: Dialect, names: list[str], wanted: list[str], rows: _Rows
) -> Iterator[pa.RecordBatch]:
    return pa_csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=pa_csv.ReadOptions(
            use_threads=False,
            block_size=dialect.piece,
            column_names=names,
            skip_rows=dialect.skip,
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quote,
            escape_char=dialect.escape or False,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=rows.refuse,
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=wanted,
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _block(batch: pa.RecordBatch, columns: Sequence[int], rows: _Rows) -> Block:
    numbers = rows.numbers(batch.num_rows)
    due = [reject for reject in rows.torn if reject.row < rows.next]
    rows.torn = rows.torn[len(due) :]
    return Block(dict(zip(columns, batch.columns, strict=True)), numbers, due)


def _saved(columns: Sequence[int], rows: _Rows) -> Iterator[Block]:
    if rows.saved:
        saved, rows.saved = rows.saved, []
        cells = {
            place: pa.array([row[place] or None for _number, row in saved], pa.string())
            for place in columns
        }
        yield Block(cells, np.array([number for number, _row in saved], dtype="int64"))
