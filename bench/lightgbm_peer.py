"""LightGBM as the peers run it: direct, lags and hour, one quantile model per horizon and level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ml.evaluation.plan import TARGETS, BacktestPlan, long_form
from ml.evaluation.scores import same_hour_median
from ml.forecast.metrics import Answer
from ml.grid import build_grid, check_quotes
from ml.tasks import HORIZONS, QUANTILES, Task

_LAGS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 30, 36, 42, 47, 48)
_SETTINGS = {
    "objective": "quantile",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 50,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 0,
}
_TREES = 100
#: What `tune` chooses among, per horizon; the first is what the peers run.
_CHOICES = (
    {},
    {"num_leaves": 15, "min_data_in_leaf": 100},
    {"learning_rate": 0.025},
    {"num_leaves": 15, "min_data_in_leaf": 200, "feature_fraction": 0.6, "bagging_fraction": 0.8},
    {"num_leaves": 63, "learning_rate": 0.1},
)
_JUDGED = (0.1, 0.5, 0.9)
_VALID_DAYS = 30  # a fifth of what is known at most


def lightgbm_backtest(
    quotes: pd.DataFrame, plan: BacktestPlan, *, threads: int, tune: bool = False
) -> pd.DataFrame:
    """The plan's forecasts in long form; fitted once, on targets of before its start. With `tune`
    each horizon has the settings that did best on the month before it."""
    grid = build_grid(check_quotes(quotes), step_minutes=plan.step_minutes)
    value = grid[TARGETS[plan.task]].to_numpy()
    unit = np.abs(value) / 100 if plan.task is Task.PRICE else np.ones(len(value))
    shared = _inputs(grid, value, unit, plan)
    per_day = max(1, 1440 // plan.step_minutes)
    fitted = int(np.searchsorted(grid.index.asi8, pd.Timestamp(plan.start).as_unit("ns").value))
    wanted = grid.index.isin(plan.origins()) & np.isfinite(value)
    rows = np.flatnonzero(wanted)
    quantiles = np.empty((len(rows), len(HORIZONS), len(QUANTILES)))
    for k, horizon in enumerate(HORIZONS):
        move = np.full(len(value), np.nan)
        move[:-horizon] = (value[horizon:] - value[:-horizon]) / unit[:-horizon]
        inputs = shared
        if plan.task is Task.SPREAD:  # a price has no daily profile, only trends to overfit
            inputs = np.column_stack([shared, _same_hour(value, unit, horizon, per_day)])
        # A target must have been seen before the start, not only its origin.
        known = np.flatnonzero(np.isfinite(move[: fitted - horizon]))
        own = {"num_threads": threads}
        if tune:
            part = min(_VALID_DAYS * per_day, len(known) // 5)
            month, before = known[-part:], known[: -part - horizon]
            own |= _chosen(inputs, move, before, month, own)
        for q, level in enumerate(QUANTILES):
            found = _quantile(inputs, move, known, rows, level, own)
            quantiles[:, k, q] = value[rows] + unit[rows] * found
    quantiles.sort(axis=2)
    answer = Answer(quantiles[..., QUANTILES.index(0.5)], quantiles)
    return long_form(grid.index[rows], answer, plan)


def _quantile(
    inputs: np.ndarray,
    move: np.ndarray,
    learnt: np.ndarray,
    asked: np.ndarray,
    level: float,
    own: dict[str, Any],
) -> np.ndarray:
    """(m,) quantile of the move at the rows `asked` by a model of the rows `learnt`."""
    import lightgbm  # a requirement of this bench alone

    data = lightgbm.Dataset(inputs[learnt], move[learnt])
    model = lightgbm.train({**_SETTINGS, **own, "alpha": level}, data, num_boost_round=_TREES)
    return model.predict(inputs[asked])


def _chosen(
    inputs: np.ndarray,
    move: np.ndarray,
    before: np.ndarray,
    month: np.ndarray,
    own: dict[str, Any],
) -> dict[str, Any]:
    """The choice with the least pinball loss in the `month`, learnt from what lies `before` it."""
    losses = []
    for choice in _CHOICES:
        loss = 0.0
        for level in _JUDGED:
            off = move[month] - _quantile(inputs, move, before, month, level, {**own, **choice})
            loss += float(np.maximum(level * off, (level - 1) * off).mean())
        losses.append(loss)
    return _CHOICES[int(np.argmin(losses))]


def _same_hour(value: np.ndarray, unit: np.ndarray, horizon: int, per_day: int) -> np.ndarray:
    """(n, 8) the target's hour on seven days seen, and their median, relative to the last value."""
    first = -(-horizon // per_day)
    back = horizon - per_day * np.arange(first, first + 7)
    at = np.arange(len(value))[:, None] + back
    table = np.where(at >= 0, value[np.maximum(at, 0)], np.nan)
    middle = same_hour_median(value, horizon, per_day)[:, None]
    return (np.hstack([table, middle]) - value[:, None]) / unit[:, None]


def _inputs(
    grid: pd.DataFrame, value: np.ndarray, unit: np.ndarray, plan: BacktestPlan
) -> np.ndarray:
    """(n, features): what lies back, relative to the last value, and the clock."""
    padded = np.concatenate([np.full(max(_LAGS), np.nan), value])
    back = [(padded[max(_LAGS) - k : len(padded) - k] - value) / unit for k in _LAGS]
    other = grid["spread_pct"] if "spread_pct" in grid and plan.task is Task.PRICE else grid["mid"]
    other = other.to_numpy() - other.rolling(48, min_periods=1).median().to_numpy()
    minute = (grid.index.hour * 60 + grid.index.minute).to_numpy()
    angle = 2 * np.pi * minute / 1440
    clock = [np.sin(angle), np.cos(angle), minute]
    level = [value if plan.task is Task.SPREAD else np.zeros(len(value))]
    return np.stack([*back, other, grid["age"].to_numpy(), *level, *clock], axis=1)
