"""One reader for quotes as people have them, behind files, the API, `score_series` and the page.

`read_quotes(source, options)` decides for the whole source how it is to be read, and answers a
Reading: its `decisions`, a `preview()`, its rows in `blocks()`, its `rejects`. See docs/reading.md.
"""

from analytics.services.prices.reading.decisions import Choice, Decision, Reject, Rejects
from analytics.services.prices.reading.options import ReadOptions, parse_columns
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
    "parse_columns",
    "read_quotes",
]
