"""A text is parsed in pieces; how long they are decides nothing."""

from __future__ import annotations

import pytest

from analytics.services.prices.reading import read_quotes
from analytics.services.prices.reading.options import ReadOptions
from analytics.services.prices.reading.sources import csvs

LINES = 40_000


def text(odd: dict[int, str]) -> bytes:
    """Over a megabyte: a quote a line, those of `odd` otherwise."""
    lines = [
        f"{1_740_787_200 + 60 * n},{9 + n % 97 / 10_000:.4f},{10 + n % 89 / 10_000:.4f},note of {n}"
        for n in range(LINES)
    ]
    for place, line in odd.items():
        lines[place] = line
    return ("time,bid,ask,note\n" + "\n".join(lines) + "\n").encode()


def read(data: bytes):
    reading = read_quotes(data, ReadOptions(market="USDT/BOB@x"))
    blocks = list(reading.blocks())
    rows = [tuple(row) for one in blocks for row in one.rows.itertuples()]
    return rows, [r for one in blocks for r in one.rejects], reading.decisions, reading.summary()


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {17: "never,9,10,x", 30_000: "1740787200,a,b,x", 39_999: "1,2"},
        # Longer than a piece of the parser.
        {20_000: f'1740787200,9,10,"{"long " * 250_000}"'},
        {12_345: '1740787200,9,10,"never closed'},
        {12_345: "1740787200,9,10,blank cells at its end,,", 25_000: "1740787200,9"},
    ],
    ids=["plain", "bad rows", "a long cell", "an open quote", "surplus cells"],
)
def test_small_pieces_say_what_whole_blocks_say(odd, monkeypatch):
    data = text(odd)
    found = read(data)
    looked_at = csvs.looked_at

    def whole(*args, **kwargs):
        dialect, *rest = looked_at(*args, **kwargs)
        dialect.piece = csvs._BLOCK_BYTES
        return dialect, *rest

    monkeypatch.setattr(csvs, "looked_at", whole)
    assert _nan_free(found) == _nan_free(read(data))
    assert len(found[0]) > LINES - 10


def _nan_free(found):
    rows, *rest = found
    return [tuple(None if v != v else v for v in row) for row in rows], *rest
