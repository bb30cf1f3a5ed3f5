"""Small sources and what they mean, written so that a table of them can be read.

`rows` is one line per row, "TIME figure=value ...", the time in UTC; `stops` is the code of the
refusal; `rejects` are parts of the reasons, in the order of the rows that were refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading import Reading, ReadOptions, read_quotes
from analytics.services.prices.reading.quotes import FIGURES

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
MARKET = "USDT/BOB@t"


@dataclass(frozen=True)
class Case:
    name: str
    source: Any
    rows: str | None = None
    stops: str | None = None
    rejects: Sequence[str] = ()
    said: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def case(
    name: str,
    source: Any,
    rows: str | None = None,
    *,
    stops: str | None = None,
    rejects: Sequence[str] = (),
    said: Sequence[str] = (),
    **options: Any,
) -> Any:
    """A parameter of `check`."""
    return pytest.param(Case(name, source, rows, stops, rejects, said, options), id=name)


def read(source: Any, **options: Any) -> Reading:
    if isinstance(source, str):
        source = source.encode()
    options = {"market": MARKET, "now": NOW} | options
    return read_quotes(source, ReadOptions(**options))


def found_rows(reading: Reading, *, symbols: bool = False) -> list[str]:
    """Every row as it is written in `rows`."""
    frame = reading.frame()
    shown = []
    for row in frame.to_dict("records"):
        stamp = pd.Timestamp(row["timestamp"]).isoformat().replace("+00:00", "").removesuffix(":00")
        figures = [f"{n}={float(row[n])!r}" for n in FIGURES if not np.isnan(row[n])]
        market = [row["symbol"]] if symbols else []
        shown.append(" ".join([stamp, *market, *figures]))
    return shown


def wanted_rows(rows: str) -> list[str]:
    shown = []
    for line in rows.strip().splitlines():
        stamp, *figures = line.split()
        known = dict(figure.split("=") for figure in figures)
        shown.append(
            " ".join([stamp, *(f"{n}={float(known[n])!r}" for n in FIGURES if n in known)])
        )
    return shown


def check(given: Case) -> None:
    """The case is read to the digit and the microsecond, or stops as it says."""
    if given.stops is not None:
        with pytest.raises(InvalidInput) as caught:
            list(read(given.source, **given.options).blocks())
        assert caught.value.code == given.stops, caught.value.message
        assert "\n" not in caught.value.message
        assert caught.value.fields
        for part in given.said:
            assert part in caught.value.message
        return
    reading = read(given.source, **given.options)
    assert found_rows(reading) == wanted_rows(given.rows or "")
    lines = [reject for block in reading.blocks() for reject in block.rejects]
    assert len(lines) == len(given.rejects), lines
    for reject, part in zip(lines, given.rejects, strict=True):
        assert part in f"{reject.row} {reject.reason}"
    said = " / ".join(map(str, reading.decisions))
    for part in given.said:
        assert part in said
