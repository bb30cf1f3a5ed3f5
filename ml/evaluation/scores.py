"""Figures of a backtest: error, CRPS and coverage beside two baselines, each with an interval.

The figures are those of the usual protocol for such quotes: skill is the ratio to the last value on
the same rows (below 1 is better), the last value's distribution is that of its own residuals over
28 days, and 95 % intervals come from a circular block bootstrap over days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.evaluation.plan import QUANTILE_COLUMNS, BacktestPlan
from ml.forecast.baseline import residual_rows
from ml.forecast.metrics import crps
from ml.forecast.targets import Target
from ml.grid import build_grid, check_quotes
from ml.stats import known_median, ratio_interval
from ml.tasks import HORIZONS, QUANTILES, Task

_LEAST_RESIDUALS = 200
_PROFILE_DAYS = 7
_CLEAN_SIGMAS = 5.0
_LEAST_ROWS = 20
INTERVALS = {"80": (0.1, 0.9), "90": (0.05, 0.95)}
#: `clean` leaves out targets far from their day; `fresh` asks for a new quote at the target too.
SETS = ("all", "clean", "fresh")


@dataclass(frozen=True)
class Rows:
    """What one horizon is scored on: m origins, the truth at their targets, and per forecaster the
    value (m,) and quantiles (m, levels). `kept` says which rows belong to each set."""

    horizon: int
    origins: pd.DatetimeIndex
    truth: np.ndarray
    model: tuple[np.ndarray, np.ndarray]
    last: tuple[np.ndarray, np.ndarray]
    seasonal: tuple[np.ndarray, np.ndarray]
    kept: dict[str, np.ndarray]


def score_rows(forecasts: pd.DataFrame, quotes: pd.DataFrame, plan: BacktestPlan) -> list[Rows]:
    """Forecasts in long form beside the truth and the baselines, by horizon. Raises BadQuotes."""
    grid = build_grid(check_quotes(quotes), step_minutes=plan.step_minutes)
    per_day = max(1, 1440 // plan.step_minutes)
    value = grid[Target(plan.task).column].to_numpy()
    clean = clean_mask(value, plan.task, per_day // 2)
    fresh = grid["age"].to_numpy() < plan.step_minutes
    found = []
    for horizon in HORIZONS:
        own = forecasts[forecasts["h"] == horizon]
        at = grid.index.get_indexer(pd.DatetimeIndex(own["origin"]))
        inside = (at >= 0) & (at + horizon < len(grid))
        own, at = own[inside], at[inside]
        ahead, said = at + horizon, own["yhat"].to_numpy()
        truth, hourly = value[ahead], same_hour_median(value, horizon, per_day)
        known = np.isfinite(truth) & np.isfinite(value[at]) & np.isfinite(said)
        sets = (known, known & clean[ahead], known & clean[ahead] & fresh[ahead])
        rows = Rows(
            horizon=horizon,
            origins=grid.index[at],
            truth=truth,
            model=(said, np.sort(own[list(QUANTILE_COLUMNS)].to_numpy(), axis=1)),
            last=_with_residuals(value, value, horizon, at, per_day),
            seasonal=_with_residuals(hourly, value, horizon, at, per_day),
            kept=dict(zip(SETS, sets, strict=True)),
        )
        found.append(rows)
    return found


def clean_mask(value: np.ndarray, task: Task, half: int) -> np.ndarray:
    """(n,) True within 5 robust sigmas of the median of the `half` rows on either side. It looks
    ahead, and so chooses what is scored, never what is seen."""
    half = max(half, 1)
    pad = np.full(half, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([pad, value, pad]), 2 * half + 1
    )
    centre = known_median(windows)
    sigma = 1.4826 * known_median(np.abs(windows - centre[:, None]))
    floor = 0.001 * np.abs(centre) if task is Task.PRICE else 0.05
    near = np.abs(value - centre) <= _CLEAN_SIGMAS * np.maximum(sigma, floor)
    return near & np.isfinite(value)


def same_hour_median(value: np.ndarray, horizon: int, per_day: int) -> np.ndarray:
    """(n,) forecast made at each row: the median at the target's hour on the last 7 days seen."""
    return known_median(same_hours(value, horizon, per_day))


def same_hours(value: np.ndarray, horizon: int, per_day: int) -> np.ndarray:
    """(n, 7) values at the hour of each row's target `horizon` rows ahead on the last 7 days seen,
    the latest first; NaN before the first row."""
    first = -(-horizon // per_day)
    back = horizon - per_day * np.arange(first, first + _PROFILE_DAYS)
    at = np.arange(len(value))[:, None] + back
    return np.where(at >= 0, value[np.maximum(at, 0)], np.nan)


def _with_residuals(
    forecast: np.ndarray, value: np.ndarray, horizon: int, rows: np.ndarray, per_day: int
) -> tuple[np.ndarray, np.ndarray]:
    """A point forecast of every grid row, at `rows`, with the quantiles of its residuals known by
    then (those of origins at least `horizon` rows ago); NaN where fewer than 200 are."""
    known = value - np.concatenate([np.full(horizon, np.nan), forecast])[: len(value)]
    window = residual_rows(per_day)
    rolling = pd.Series(known).rolling(window, min_periods=_LEAST_RESIDUALS)
    around = np.stack([rolling.quantile(level).to_numpy()[rows] for level in QUANTILES], axis=1)
    return forecast[rows], forecast[rows, None] + around


# ----------------------------------------------------------------------------------- the figures
Figures = dict[str, Any]


def backtest_figures(
    forecasts: pd.DataFrame, quotes: pd.DataFrame, plan: BacktestPlan
) -> list[Figures]:
    """The table of a backtest: a line per horizon and set of targets, as plain JSON."""
    return score_table(score_rows(forecasts, quotes, plan))


def backtest_skill(figures: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """A backtest in three figures: over the horizons the mean of the distribution error and of the
    error, both against the last value, and of the coverage of the 90 % interval; clean targets.
    None where no horizon has the figure."""
    lines = [line for line in figures if line["set"] == "clean"]
    found = {}
    for name in ("crps_skill", "skill", "cov90"):
        known = [line[name] for line in lines if line.get(name) is not None]
        found[name] = float(np.mean(known)) if known else None
    return found


def score_table(found: list[Rows]) -> list[Figures]:
    """A line per horizon and set with at least 20 rows, as plain JSON."""
    return [
        {"h": rows.horizon, "set": name, **_figures(rows, kept)}
        for rows in found
        for name, kept in rows.kept.items()
        if kept.sum() >= _LEAST_ROWS
    ]


def _figures(rows: Rows, kept: np.ndarray) -> Figures:
    truth, day = rows.truth[kept], rows.origins[kept].floor("D")
    answers = {"model": rows.model, "last": rows.last, "seasonal": rows.seasonal}
    errors = {name: np.abs(value[kept] - truth) for name, (value, _) in answers.items()}
    line: Figures = {"n": int(kept.sum()), "mae": float(errors["model"].mean())}
    line |= _against("skill", day, errors)
    # Every distribution is scored on the same rows: those where the last value has one.
    whole = np.isfinite(rows.last[1][kept]).all(axis=1)
    whole &= np.isfinite(rows.model[1][kept]).all(axis=1)
    if whole.any():
        truth, day = truth[whole], day[whole]
        quantiles = {name: q[kept][whole] for name, (_, q) in answers.items()}
        scores = {name: crps(q, truth) for name, q in quantiles.items()}
        line["crps"] = float(scores["model"].mean())
        line |= _against("crps_skill", day, scores)
        line |= _intervals(quantiles["model"], truth, day)
    return line


def _against(name: str, day: pd.DatetimeIndex, scores: dict[str, np.ndarray]) -> Figures:
    """Ratios to the last value, of the model and of the same-hour median."""
    model, last, seasonal = scores["model"], scores["last"], scores["seasonal"]
    both = np.isfinite(seasonal)
    if not last.sum() > 0:
        return {name: None, f"{name}_ci95": None, f"{name}_seasonal": None}
    base = last[both].mean() if both.any() else 0.0
    return {
        name: float(model.mean() / last.mean()),
        f"{name}_ci95": list(ratio_interval(day, model, last)),
        f"{name}_seasonal": float(seasonal[both].mean() / base) if base > 0 else None,
    }


def _intervals(quantiles: np.ndarray, truth: np.ndarray, day: pd.DatetimeIndex) -> Figures:
    """Coverage and mean width of the central intervals of (rows, levels) quantiles."""
    line: Figures = {}
    for name, (low, high) in INTERVALS.items():
        below, above = quantiles[:, QUANTILES.index(low)], quantiles[:, QUANTILES.index(high)]
        covered = ((truth >= below) & (truth <= above)).astype("float64")
        line[f"cov{name}"] = float(covered.mean())
        line[f"cov{name}_ci95"] = list(ratio_interval(day, covered, np.ones(len(covered))))
        line[f"width{name}"] = float((above - below).mean())
    return line
