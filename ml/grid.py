"""Irregular quotes -> a regular grid of last known values. Never a look ahead.

Row t of the grid holds, per column, the last value seen at or before t; a side older than the
staleness limit is missing (NaN). This is the grid on which every model sees a market.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from ml.errors import BadQuotes
from ml.spec import DEFAULT_STEP_MINUTES, QUOTE_COLUMNS, STALE_MINUTES

_STEPS = (1, 5, 10, 15, 30, 60, 120, 240, 720, 1440)
_COMFORTABLE_ROWS = 4000


def check_quotes(quotes: pd.DataFrame) -> pd.DataFrame:
    """The frame with known columns only, all-empty ones dropped; raises BadQuotes otherwise."""
    index = quotes.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise BadQuotes("Quotes need an index of aware timestamps.", {"timestamp": "naive"})
    if not (index.is_monotonic_increasing and index.is_unique):
        raise BadQuotes("Timestamps must be sorted and unique.", {"timestamp": "unsorted"})
    quotes = quotes[[c for c in QUOTE_COLUMNS if c in quotes.columns]]
    quotes = quotes.dropna(axis="columns", how="all").astype("float64")
    if not {"bid", "ask", "price"} & set(quotes.columns):
        raise BadQuotes("Quotes need a price: bid and ask, or price.", {"columns": "no price"})
    return quotes


def infer_step_minutes(timestamps: pd.DatetimeIndex) -> int:
    """A market's own cadence in minutes: 30 unless its quotes come clearly more seldom, or come
    more often over so short a time that 30 minutes would leave too few rows to learn from."""
    if len(timestamps) < 3:
        return DEFAULT_STEP_MINUTES
    gaps = np.diff(timestamps.as_unit("ns").asi8) / 6e10
    # Median over time, not over rows: a burst of one-minute polling must not set the cadence.
    order = np.argsort(gaps)
    weight = np.cumsum(gaps[order])
    typical = float(gaps[order][np.searchsorted(weight, weight[-1] / 2)])
    if typical > 1.5 * DEFAULT_STEP_MINUTES:
        return next((s for s in _STEPS if s >= 0.9 * typical), _STEPS[-1])
    span = (timestamps[-1] - timestamps[0]).total_seconds() / 60
    for step in reversed([s for s in _STEPS if s <= DEFAULT_STEP_MINUTES]):
        if span / step >= _COMFORTABLE_ROWS:
            return step
        if step * 0.9 <= typical:
            return step
    return _STEPS[0]


def build_grid(
    quotes: pd.DataFrame,
    *,
    step_minutes: int = DEFAULT_STEP_MINUTES,
    stale_minutes: int | None = None,
    end: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Regular grid of the last known quotes.

    Columns: those of `quotes`, then `mid` (mean of both sides, else `price`), `spread_pct`
    (percent of mid; only where both sides exist as columns), `age` (minutes since the last price
    of any side), `bid_age`/`ask_age` or `price_age`. `mid` is missing where a side is missing.
    The staleness limit is 3 h, or 6 steps where that is longer.
    """
    quotes = check_quotes(quotes)
    stale = stale_minutes or max(STALE_MINUTES, 6 * step_minutes)
    freq = pd.Timedelta(minutes=step_minutes)
    last = quotes.index[-1].floor(freq) if end is None else pd.Timestamp(end).floor(freq)
    index = pd.date_range(quotes.index[0].ceil(freq), last, freq=freq).as_unit("ns")
    at, seen = index.asi8, quotes.index.as_unit("ns").asi8
    grid: dict[str, np.ndarray] = {}
    ages: dict[str, np.ndarray] = {}
    for column in quotes.columns:
        values = quotes[column].to_numpy()
        known = np.flatnonzero(np.isfinite(values))
        place = np.searchsorted(seen[known], at, side="right") - 1
        has = place >= 0
        age = np.full(len(index), np.inf)
        value = np.full(len(index), np.nan)
        age[has] = (at[has] - seen[known][place[has]]) / 6e10
        value[has] = values[known][place[has]]
        value[age > stale] = np.nan
        grid[column] = value
        ages[column] = age
    return _derive(pd.DataFrame(grid, index=index), ages)


def _derive(grid: pd.DataFrame, ages: dict[str, np.ndarray]) -> pd.DataFrame:
    if {"bid", "ask"} <= set(grid.columns):
        grid["mid"] = (grid["bid"] + grid["ask"]) / 2
        grid["spread_pct"] = (grid["ask"] - grid["bid"]) / grid["mid"] * 100
    else:
        only = next(c for c in ("price", "bid", "ask") if c in grid.columns)
        grid["mid"] = grid[only]
    priced = [c for c in ("bid", "ask", "price") if c in ages]
    for column in priced:
        grid[f"{column}_age"] = ages[column]
    grid["age"] = np.minimum.reduce([ages[c] for c in priced])
    return grid


def dataset_hash(quotes: pd.DataFrame) -> str:
    """SHA-256 over columns, times and values: the same rows give the same hash anywhere."""
    digest = hashlib.sha256("|".join(quotes.columns).encode())
    digest.update(quotes.index.as_unit("ns").asi8.astype("<i8").tobytes())
    digest.update(np.ascontiguousarray(quotes.to_numpy(dtype="<f8")).tobytes())
    return digest.hexdigest()
