"""How a text with separators is cut into cells: delimiter, quotes, the lines before the data."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import islice

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading.decisions import Decision, unreadable
from analytics.services.prices.reading.options import DELIMITERS, ReadOptions
from analytics.services.prices.reading.refusals import bad_header
from analytics.services.prices.reading.sources.layout import LOOKED_AT, Layout, find_layout

_CANDIDATES = (",", ";", "\t", "|")


@dataclass
class Dialect:
    """How a text is cut into cells. `skip`: lines before the first row of data. `checked`: its
    quotes were looked at; `mend`: some are not closed, so each is closed at the end of its line.
    `piece`: bytes that the parser takes at once, more than twice the longest row."""

    encoding: str
    delimiter: str
    quote: str
    escape: str | None
    skip: int = 0
    checked: bool = False
    mend: bool = False
    piece: int = 512 << 10


def looked_at(
    name: str, text: str, encoding: str, options: ReadOptions
) -> tuple[Dialect, Layout, list[list[str]]]:
    """The delimiter under which the first rows hold most data: a time and figures, row by row.

    A sniffer that knows nothing of quotes takes the comma of 11,60 or the blank of a time too."""
    first = text.split("\n", 1)[0].strip().strip('"').lower()
    told = first[4:5] if first.startswith("sep=") else None
    wanted = DELIMITERS[options.delimiter] if options.delimiter else told
    quote = "'" if text.count("'") > 2 * text.count('"') and text.lstrip().startswith("'") else '"'
    escape = "\\" if '\\"' in text and '""' not in text else None
    tried, torn = [], None
    for delimiter in (wanted,) if wanted else _CANDIDATES:
        dialect = Dialect(encoding, delimiter, quote, escape)
        rows, lines = _rows(name, text, dialect)
        begin = 1 if told is not None else 0
        try:
            layout = find_layout(rows[begin:])
        except InvalidInput as error:  # it tears cells apart
            layout, torn = None, torn or error
        if layout is not None:
            layout = _moved(layout, begin)
            dialect.skip = lines[layout.first - 1] if layout.first else 0
            tried.append((layout.data, len(set(layout.names)), dialect, layout, rows))
    if torn is not None and not any(one[0] for one in tried):
        raise torn
    if not tried:
        shown = next((line for line in text.splitlines() if line.strip()), "")
        raise bad_header(shown.split(wanted or ","))
    return max(tried, key=lambda one: one[:2])[2:]


def _moved(layout: Layout, by: int) -> Layout:
    header = None if layout.header is None else layout.header + by
    return Layout(layout.first + by, layout.names, layout.hints, header, layout.data)


def _rows(name: str, text: str, dialect: Dialect) -> tuple[list[list[str]], list[int]]:
    """The first rows under a dialect, and the number of lines up to the end of each."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        escapechar=dialect.escape,
    )
    rows, lines = [], []
    try:
        for row in islice(reader, LOOKED_AT):
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        if not rows:
            raise unreadable(name, error) from error
    return rows, lines


def said(dialect: Dialect, layout: Layout, rows: list[list[str]]) -> list[Decision]:
    """What was decided of a text's form."""
    named = {",": _("comma"), ";": _("semicolon"), "\t": _("tab"), "|": _("bar")}
    chosen = named.get(dialect.delimiter, dialect.delimiter)
    why = _("%(count)s of the first %(rows)s rows hold a time and a figure so") % {
        "count": layout.data,
        "rows": len(rows),
    }
    found = [Decision(_("separator"), chosen, why, "delimiter", (",", ";", "tab", "|"))]
    if layout.header is None:
        found.append(Decision(_("header"), _("none"), _("the first row holds data")))
    elif layout.header or layout.first > layout.header + 1:
        where = _("row %(row)s; the data begin in row %(first)s") % {
            "row": layout.header + 1,
            "first": layout.first + 1,
        }
        found.append(Decision(_("header"), where, _("the row with the names of columns")))
    return found
