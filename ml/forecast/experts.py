"""The experts whose quantiles are pooled: the network, and simple ones that need no training long.

All answer in trailing scales, relative to the last value: (m, horizons, experts, levels)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.forecast.features import Inputs
from ml.forecast.metrics import LEVELS
from ml.forecast.series import Series, take
from ml.forecast.summaries import same_hour
from ml.forecast.targets import CLIP
from ml.spec import HORIZONS

EXPERTS = ("network", "linear", "same hour", "climate")
HOUR_DAYS = 28
_LEAST_DAYS = 7
_RIDGE = 30.0
_ROUNDS = 12
_HUBER = 0.5


@dataclass(frozen=True)
class Simple:
    """What the simple experts learnt of the training part. `weights` (horizons, paths) of the
    linear paths, `residuals` (horizons, levels) around them, `climate` (horizons, levels) of the
    plain moves; all in trailing scales. `mirror` makes what is up or down alike."""

    weights: tuple[tuple[float, ...], ...]
    residuals: tuple[tuple[float, ...], ...]
    climate: tuple[tuple[float, ...], ...]
    mirror: bool


def fit_simple(paths: np.ndarray, moves: np.ndarray, *, mirror: bool) -> Simple:
    """Robust ridge regression of the moves (m, horizons) on the paths (m, horizons, paths);
    `mirror` makes the quantiles symmetric: a market's past trend is no promise."""
    weights, residuals, climate = [], [], []
    for k in range(len(HORIZONS)):
        known = np.isfinite(moves[:, k])
        x, y = (
            paths[known, k].astype("float64"),
            np.clip(moves[known, k], -CLIP[k], CLIP[k]),
        )
        beta = _robust(x, y)
        weights.append(tuple(map(float, beta)))
        residuals.append(_quantiles(y - x @ beta, mirror))
        climate.append(_quantiles(y, mirror))
    return Simple(tuple(weights), tuple(residuals), tuple(climate), mirror)


def _robust(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Huber regression by reweighting, nearly of the absolute error."""
    beta = np.zeros(x.shape[1])
    width = max(_HUBER * float(np.median(np.abs(y))), 1e-3) if len(y) else 1.0
    for _ in range(_ROUNDS):
        trust = 1 / np.maximum(np.abs(y - x @ beta) / width, 1.0)
        left = (x * trust[:, None]).T @ x + _RIDGE * np.eye(x.shape[1])
        beta = np.linalg.solve(left, (x * trust[:, None]).T @ y)
    return beta


def _quantiles(values: np.ndarray, mirror: bool) -> tuple[float, ...]:
    if not len(values):
        return (0.0,) * len(LEVELS)
    values = np.concatenate([values, -values]) if mirror else values
    return tuple(map(float, np.quantile(values, LEVELS)))


def expert_quantiles(
    network: np.ndarray,
    series: Series,
    rows: np.ndarray,
    inputs: Inputs,
    simple: Simple,
) -> np.ndarray:
    """(m, horizons, experts, levels); `network` (m, horizons, levels) is the first of them."""
    climate = np.broadcast_to(np.asarray(simple.climate), network.shape)
    centre = (inputs.paths * np.asarray(simple.weights)).sum(axis=-1)[..., None]
    linear = centre + np.asarray(simple.residuals)
    hour = np.stack(
        [_same_hour(series, rows, h, simple.mirror) / inputs.scale[:, None] for h in HORIZONS],
        axis=1,
    )
    hour = np.where(np.isfinite(hour), np.clip(hour, -CLIP[:, None], CLIP[:, None]), climate)
    return np.stack([network, linear, hour, climate], axis=2)


def _same_hour(series: Series, rows: np.ndarray, horizon: int, mirror: bool) -> np.ndarray:
    """(m, levels) quantiles of the values at the target's hour on the days before, relative to the
    last value; of a price, of its moves from this hour to that one, either way up."""
    past = same_hour(horizon, HOUR_DAYS, series.per_day)
    table = take(series.y, rows, past)
    if mirror:
        table = table - take(series.y, rows, past - horizon)
        table = np.concatenate([table, -table], axis=1)
    else:
        table = table - series.y[rows, None]
    return sorted_quantiles(table, _LEAST_DAYS)


def sorted_quantiles(table: np.ndarray, least: int) -> np.ndarray:
    """(m, levels) quantiles of the known values of each line (m, k); NaN below `least`."""
    ordered = np.sort(table, axis=1)
    count = np.isfinite(table).sum(axis=1)
    place = np.clip(LEVELS * count[:, None] - 0.5, 0, np.maximum(count - 1, 0)[:, None])
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, np.maximum(count - 1, 0)[:, None])
    a, b = (np.take_along_axis(ordered, i, 1) for i in (low, high))
    return np.where(count[:, None] >= least, a + (place - low) * (b - a), np.nan)
