"""One reader for quotes as people have them, behind files, the API, `score_series` and the page.

`read_quotes(source, options)` decides for the whole source how it is to be read, and answers a
Reading: its `decisions`, a `preview()`, its rows in `blocks()`, its `rejects`. See docs/reading.md.

The reader itself, with all that it knows of words and dates, loads when a source is first read.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from analytics.services.prices.reading.decisions import Choice, Decision, Reject, Rejects
from analytics.services.prices.reading.options import ReadOptions, parse_columns

if TYPE_CHECKING:
    from analytics.services.prices.reading.opening import open_table
    from analytics.services.prices.reading.reading import Reading, read_quotes
    from analytics.services.prices.reading.rows import QuoteBlock

__all__ = [
    "Choice",
    "Decision",
    "QuoteBlock",
    "ReadOptions",
    "Reading",
    "Reject",
    "Rejects",
    "open_table",
    "parse_columns",
    "read_quotes",
]

_HOMES = {
    "QuoteBlock": "rows",
    "Reading": "reading",
    "open_table": "opening",
    "read_quotes": "reading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
