"""Workbooks (.xlsx, .xls) and parquet files -> a Table."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence

import python_calamine
from django.utils.translation import gettext as _

from analytics.lazily import np, pa, pq
from analytics.services.prices.reading.decisions import Decision, empty, no_rows, unreadable
from analytics.services.prices.reading.sources.containers import (
    BROKEN,
    MOST_HELD,
    ZIP,
    Content,
    chosen_parts,
    too_large,
)
from analytics.services.prices.reading.sources.grids import cell_text, grid_table
from analytics.services.prices.reading.sources.layout import LOOKED_AT, Layout, find_layout
from analytics.services.prices.reading.sources.tables import BLOCK_ROWS, Block, Table, chained

#: Cells of a sheet, counted as the rectangle that they span: a reader holds all of it.
_MOST_CELLS = 32_000_000
_ROW, _FAR_CELL = re.compile(rb'<row [^>]*?r="(\d+)"'), re.compile(rb'<c [^>]*?r="([A-Z]{2,3})\d')
_NEAR_COLUMNS = 26


def sheet_table(content: Content, sheet: str | None, decisions: list[Decision]) -> Table:
    """The table of a workbook: of the sheet asked for, of the only one with data, or of several
    whose names differ by a date alone."""
    data = content.held()
    if data.startswith(ZIP):
        _check_size(content.name, data)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        rows = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    except python_calamine.PasswordError as error:
        raise unreadable(content.name, _("it is protected by a password")) from error
    except (python_calamine.CalamineError, *BROKEN) as error:
        raise unreadable(content.name, error) from error
    rows = {name: found for name, found in rows.items() if any(map(any, found))}
    if not rows:
        raise empty(content.name)
    held = [name for name, found in rows.items() if _has_data(found)] if sheet is None else []
    chosen = chosen_parts(content.name, held or list(rows), sheet, decisions)
    if len(rows) > 1:
        names = ", ".join(chosen)
        decisions.append(
            Decision(
                _("sheet"),
                names,
                _("chosen from %(all)s") % {"all": ", ".join(rows)},
                "sheet",
                tuple(rows),
            )
        )
    return chained([grid_table(f"{content.name}/{name}", rows[name], decisions) for name in chosen])


def _has_data(rows: Sequence[Sequence[object]]) -> bool:
    found = find_layout([[cell_text(value) for value in row] for row in rows[:LOOKED_AT]])
    return found is not None and found.data > 0


def _check_size(name: str, data: bytes) -> None:
    """Refuse a workbook that would not fit into memory, before it is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > MOST_HELD:
                raise too_large(name, MOST_HELD)
            for info in infos:
                if (
                    info.filename.startswith("xl/worksheets/")
                    and _cells(archive.read(info)) > _MOST_CELLS
                ):
                    raise unreadable(name, _("a sheet spans too many cells"))
    except BROKEN as error:
        raise unreadable(name, error) from error


def _cells(sheet: bytes) -> int:
    """The cells of the rectangle from A1 to the last row and column."""
    rows = max((int(found[1]) for found in _ROW.finditer(sheet)), default=0)
    letters = {found[1] for found in _FAR_CELL.finditer(sheet)}
    columns = max((_column(name) for name in letters), default=_NEAR_COLUMNS)
    return rows * columns


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


# ---------------------------------------------------------------------------------------- parquet
def parquet_table(content: Content) -> Table:
    """The columns of a parquet file, its index among them; raises InvalidInput (bad_file)."""
    try:
        file = pq.ParquetFile(io.BytesIO(content.held()))
        fields = [f for f in file.schema_arrow if not pa.types.is_nested(f.type)]
        head = next(file.iter_batches(LOOKED_AT, columns=[f.name for f in fields]), None)
    except Exception as error:  # pyarrow raises many kinds for a broken file
        raise unreadable(content.name, error) from error
    if head is None:
        raise no_rows(content.name)
    names = tuple("" if f.name.startswith("__index_level") else f.name for f in fields)
    columns = [[cell_text(value) for value in column.to_pylist()] for column in head.columns]
    sample = [list(row) for row in zip(*columns, strict=True)]
    layout = Layout(0, names, ((),) * len(names), 0, len(sample))

    def blocks(columns: Sequence[int]) -> Iterator[Block]:
        wanted = [fields[place].name for place in columns]
        row = 1
        try:
            for batch in file.iter_batches(BLOCK_ROWS, columns=wanted):
                cells = {n: _plain(batch.column(fields[n].name)) for n in columns}
                yield Block(cells, np.arange(row, row + batch.num_rows))
                row += batch.num_rows
        except pa.ArrowException as error:
            raise unreadable(content.name, error) from error

    return Table(content.name, layout, sample, blocks, machine=True)


def _plain(cells: pa.Array) -> pa.Array:
    """Text without its dictionary, and in the one type of text."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_large_string(cells.type) or pa.types.is_string_view(cells.type):
        return cells.cast(pa.string())
    return cells
