"""Forecasts of many origins at once, as a backtest asks for them. Every origin gets what `forecast`
would answer at its moment: the inputs of a row are made of rows up to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.forecast.metrics import Answer
from ml.forecast.quotes import Quotes
from ml.forecast.server import ForecastServer
from ml.spec import Source


@dataclass(frozen=True)
class Batch:
    """`answer` holds one line per moment of `origins`."""

    origins: pd.DatetimeIndex
    answer: Answer


def forecast_batch(
    server: ForecastServer,
    quotes: pd.DataFrame,
    origins: pd.DatetimeIndex,
    source: Source,
) -> Batch:
    """Forecasts at those of `origins` that lie on the grid, have the network's window before them
    and a known last value. `quotes` reach back as far as there is memory, and no further ahead
    than the last origin."""
    known, last = Quotes.of(quotes, server.columns), origins[-1].value
    known = known.between(int(known.times[0]), last)
    series = known.series(server.target, server.step_minutes, last)
    rows = series.index.get_indexer(origins.as_unit("ns"))
    rows = rows[rows >= server.window - 1]
    rows = rows[np.isfinite(series.y[rows])]
    if not len(rows):
        empty = np.empty((0, 0))
        return Batch(origins[:0], Answer(empty, empty))
    return Batch(series.index[rows], server.answer(series, rows, source))
