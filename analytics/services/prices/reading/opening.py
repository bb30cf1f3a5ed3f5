"""Any source -> its Table."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading.decisions import Choice, Decision, no_rows, undecided
from analytics.services.prices.reading.options import ReadOptions
from analytics.services.prices.reading.sources.containers import (
    OLE,
    PARQUET,
    ZIP,
    Content,
    file_content,
    unwrapped,
)
from analytics.services.prices.reading.sources.csvs import csv_table
from analytics.services.prices.reading.sources.objects import (
    json_table,
    looks_like_json,
    object_table,
)
from analytics.services.prices.reading.sources.sheets import parquet_table, sheet_table
from analytics.services.prices.reading.sources.tables import Restart, Table, chained

#: A file, the bytes of one, or parsed JSON.
Source = Path | bytes | Sequence[Mapping[str, Any]] | Mapping[str, Any]


def open_table(source: Source, name: str, options: ReadOptions, decisions: list[Decision]) -> Table:
    """Raises InvalidInput: no_file, empty_file, bad_file, bad_header, ambiguous_sheet."""
    if isinstance(source, bytes):
        data = source
        content = Content(name, lambda: io.BytesIO(data))
    elif isinstance(source, Path):
        content = file_content(source)
    else:
        return object_table(name, source, decisions)
    parts = unwrapped(content, options.sheet, decisions)
    # One part speaks for all: they are only read together if they are alike.
    tables = [_one(part, options, [] if n else decisions) for n, part in enumerate(parts)]
    tables = [table for table in tables if table.sample] or tables
    if any(table.layout.names != tables[0].layout.names for table in tables):
        raise undecided(
            "ambiguous_sheet",
            _("%(file)s has parts with different columns.") % {"file": content.name},
            "sheet",
            [Choice(part.name.rsplit("/", 1)[-1], _("only this one")) for part in parts[:8]],
        )
    table = tables[0] if len(tables) == 1 else chained(tables)
    if not table.sample and table.layout.header is not None and _is_bare(table):
        raise no_rows(content.name)
    return table


def _one(content: Content, options: ReadOptions, decisions: list[Decision]) -> Table:
    head = content.head()
    if head.startswith(PARQUET):
        return parquet_table(content)
    if head.startswith((ZIP, OLE)):
        return sheet_table(content, options.sheet, decisions)
    if looks_like_json(head):
        try:
            return json_table(content, decisions)
        except InvalidInput as error:
            if head.lstrip()[:1] != b"[":
                raise
            no_json = error
        try:  # a name of a column may stand in brackets
            return csv_table(content, options, decisions)
        except InvalidInput:
            raise no_json from None
    return csv_table(content, options, decisions)


def _is_bare(table: Table) -> bool:
    """Whether there is nothing below the header."""
    try:
        return not any(len(block.rows) or block.torn for block in table.blocks([0]))
    except Restart:
        return False
