"""Causal features of the regular grid: row t is computed from rows <= t and nothing else.

Features come in two groups. `values` goes through the network (all relative numbers: log ratios).
`signals` are facts with a rule of their own: how long a side has been missing, how long a fresh
quote has not changed, how deep the sides are crossed, how both sides move together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.spec import STALE_MINUTES

#: Rows of the trailing median; a day at half-hour steps.
DAY = 48
#: A run longer than this says nothing new, and bounds how far back a row looks.
LONGEST_RUN = 96
_SIZES = ("bid_volume", "ask_volume", "bid_offers", "ask_offers", "volume")


@dataclass(frozen=True)
class Features:
    """Everything the detectors look at, one row per grid row.

    values: (rows, features) float64, NaN where unknown. signals: name -> (rows,) float64, finite.
    first: (rows,) the row where the unbroken stretch of row t begins. live: (rows,) False in gaps.
    """

    grid: pd.DataFrame
    names: tuple[str, ...]
    values: np.ndarray
    signals: dict[str, np.ndarray]
    first: np.ndarray
    live: np.ndarray
    step_minutes: int


def price_columns(grid: pd.DataFrame) -> tuple[str, ...]:
    """The price columns that this market has: its sides, else the price without a side."""
    sides = tuple(c for c in ("bid", "ask") if c in grid.columns)
    return sides or ("price",)


def _log(series: pd.Series) -> pd.Series:
    """Natural logarithm; what is not positive is unknown."""
    return np.log(series.where(series > 0))


def _gap_to_median(series: pd.Series) -> pd.Series:
    return series - series.rolling(DAY, min_periods=1).median()


def run_length(flag: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Rows that `flag` has been up in a row, up to LONGEST_RUN. Where `keep` is set the count
    stands still: a step without any reading neither lengthens nor ends a run."""
    counted = np.cumsum(flag & ~keep)
    ended = ~flag & ~keep
    base = np.maximum.accumulate(np.where(ended, counted, 0))
    return np.minimum(counted - base, LONGEST_RUN).astype(float)


def make_features(grid: pd.DataFrame, *, step_minutes: int) -> Features:
    """Features of a grid as ml.grid.build_grid gives it; absent columns give absent features."""
    sides = price_columns(grid)
    live = (grid["age"] <= max(STALE_MINUTES, 6 * step_minutes)).to_numpy()
    rows = np.arange(len(grid))
    starts = live & ~np.r_[False, live[:-1]]
    first = np.maximum.accumulate(np.where(starts | ~live, rows, 0)) if len(rows) else rows
    logs = {c: _log(grid[c]) for c in sides}
    columns: dict[str, pd.Series] = {}
    for side, log in logs.items():
        # NaN after a gap: a price that comes back after hours has made no one-step move.
        columns[f"return_{side}"] = log.diff()
    columns["gap_mid"] = _gap_to_median(sum(logs.values()) / len(logs))
    if len(sides) == 2:
        columns["spread"] = logs["ask"] - logs["bid"]
    for size in (c for c in _SIZES if c in grid.columns):
        columns[f"gap_{size}"] = _gap_to_median(_log(grid[size]))
    if {"gap_bid_volume", "gap_ask_volume"} <= columns.keys():
        depth = _log(grid["bid_volume"]) - _log(grid["ask_volume"])
        columns["gap_imbalance"] = _gap_to_median(depth)
    values = np.column_stack([c.to_numpy() for c in columns.values()])
    values[~live] = np.nan
    signals = _signals(grid, logs, step_minutes)
    return Features(grid, tuple(columns), values, signals, first, live, step_minutes)


def _signals(
    grid: pd.DataFrame, logs: dict[str, pd.Series], step_minutes: int
) -> dict[str, np.ndarray]:
    age = grid["age"].to_numpy()
    returns = {s: np.nan_to_num(log.diff().to_numpy()) for s, log in logs.items()}
    fresh = age < step_minutes
    watched = [c for c in (*logs, *_SIZES) if c in grid.columns]
    same = np.all([np.nan_to_num(grid[c].diff().to_numpy(), nan=0.0) == 0 for c in watched], axis=0)
    signals = {"stale": run_length(same, ~fresh)}
    if len(logs) == 2:
        for side in logs:
            late = (grid[f"{side}_age"].to_numpy() - age) / step_minutes
            late = np.where(np.isfinite(late), np.floor(late + 1e-9), 0.0)
            signals[f"missing_{side}"] = np.clip(late, 0, LONGEST_RUN)
        spread = (logs["ask"] - logs["bid"]).to_numpy()
        signals["crossed"] = np.maximum(-np.nan_to_num(spread), 0.0)
        bid, ask = returns["bid"], returns["ask"]
        # Both sides the same way, the smaller of the two: what the market did, not one advert.
        together = np.sign(bid) * np.minimum(np.abs(bid), np.abs(ask))
        signals["common"] = np.where(np.sign(bid) == np.sign(ask), together, 0.0)
    else:
        signals["common"] = next(iter(returns.values()))
    return signals
