"""The experts whose quantiles are pooled: the network, and simple ones that need no training long.

All answer in trailing scales, relative to the last value: (m, horizons, experts, levels)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.forecast.features import Inputs
from ml.forecast.metrics import LEVELS
from ml.forecast.series import Series, take
from ml.forecast.summaries import MOVE_PATHS, same_hour
from ml.forecast.targets import CLIP
from ml.tasks import HORIZONS

#: The network with the centre that validation trusts and with its own, a line over the paths, and
#: what happened: the values at the target's hour for a spread, moves of every hour for a price.
EXPERTS = ("network", "bold network", "line", "climate")
HOUR_DAYS = 28
_LEAST_DAYS = 7
_RIDGE = 30.0
_ROUNDS = 12
_HUBER = 0.5


Table = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Line:
    """A linear expert, in trailing scales: `weights` (horizons, paths) and the quantiles of its
    `residuals` (horizons, levels)."""

    weights: Table
    residuals: Table

    def quantiles(self, paths: np.ndarray) -> np.ndarray:
        """(m, horizons, levels)."""
        centre = (paths * np.asarray(self.weights)).sum(axis=-1)
        return centre[..., None] + np.asarray(self.residuals)


@dataclass(frozen=True)
class Simple:
    """What the simple experts learnt of the training part: a line over the paths, for a price over
    the same-hour moves alone, and the `climate` (horizons, levels) of the plain moves in trailing
    scales. `mirror`, true of a price, makes what is up or down alike."""

    line: Line
    climate: Table
    mirror: bool

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Simple:
        return cls(Line(**fields["line"]), fields["climate"], fields["mirror"])


def fit_simple(paths: np.ndarray, moves: np.ndarray, *, mirror: bool) -> Simple:
    """Robust ridge regression of the moves (m, horizons) on the paths (m, horizons, paths);
    `mirror` makes the quantiles symmetric: a market's past trend is no promise."""
    moves = np.clip(moves, -CLIP, CLIP)
    climate = tuple(_quantiles(column[np.isfinite(column)], mirror) for column in moves.T)
    season = np.isin(np.arange(paths.shape[2]), MOVE_PATHS)
    part = season if mirror else np.ones_like(season)
    return Simple(_line(paths, moves, part, mirror), climate, mirror)


def _line(paths: np.ndarray, moves: np.ndarray, part: np.ndarray, mirror: bool) -> Line:
    """The expert that uses the paths of `part` (paths,) only."""
    weights, residuals = [], []
    for k in range(len(HORIZONS)):
        known = np.isfinite(moves[:, k])
        x, y = np.where(part, paths[known, k], 0.0), moves[known, k]
        beta = _robust(x, y)
        weights.append(tuple(map(float, beta)))
        residuals.append(_quantiles(y - x @ beta, mirror))
    return Line(tuple(weights), tuple(residuals))


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
    cautious: np.ndarray,
    bold: np.ndarray,
    series: Series,
    rows: np.ndarray,
    inputs: Inputs,
    simple: Simple,
) -> np.ndarray:
    """(m, horizons, experts, levels) from the network's own answers (m, horizons, levels)."""
    climate = np.broadcast_to(np.asarray(simple.climate), cautious.shape)
    line = simple.line.quantiles(inputs.paths)
    if not simple.mirror:
        hour = np.stack([_same_hour(series, rows, h) for h in HORIZONS], axis=1)
        hour = np.clip(hour / inputs.scale[:, None, None], -CLIP[:, None], CLIP[:, None])
        climate = np.where(np.isfinite(hour), hour, climate)
    return np.stack([cautious, bold, line, climate], axis=2)


def _same_hour(series: Series, rows: np.ndarray, horizon: int) -> np.ndarray:
    """(m, levels) quantiles of the values at the target's hour on the days before, relative to the
    last value."""
    past = same_hour(horizon, HOUR_DAYS, series.per_day)
    table = take(series.y, rows, past) - series.y[rows, None]
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
