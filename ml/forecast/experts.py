"""The experts whose quantiles are pooled: the network as far as validation trusts its centre, and
simple ones that need no training long.

All answer in trailing scales, relative to the last value: (m, horizons, experts, levels)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ml.forecast.features import Inputs
from ml.forecast.metrics import LEVELS, MEDIAN
from ml.forecast.series import Series, take
from ml.forecast.summaries import MOVE_PATHS, seen_days
from ml.forecast.targets import CLIP
from ml.tasks import HORIZONS

#: The network with the centre that validation trusts and with its own, a line over the paths, and
#: what happened: the values at the target's hour for a spread, moves of every hour for a price.
EXPERTS = ("shrunken network", "unshrunken network", "line", "climatology")
HOUR_DAYS = 28
_LEAST_DAYS = 7
_RIDGE = 30.0
_ROUNDS = 12
_HUBER = 0.5
_SHRINKS = np.linspace(0.0, 1.0, 11)
_CLEAR_GAIN = 0.05
#: A price's trend of today may be gone before the far horizons come; a step ahead the centre is the
#: last value or a tick beside it, and the wrong side costs more than the right one gains.
PRICE_MARGIN = (0.5, 0.9, 0.75, 0.6)

Table = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Shrinkage:
    """Per horizon: `shrink` pulls the network's centre to the last value (0 is the last value
    itself) as far as validation asks, `margin` no further than caution does."""

    shrink: tuple[float, ...] = (1.0,) * len(HORIZONS)
    margin: tuple[float, ...] = (1.0,) * len(HORIZONS)

    def shrunken(self, quantiles: np.ndarray) -> np.ndarray:
        """(m, horizons, levels) quantiles of moves -> the same around the shrunken centre."""
        return _around(quantiles, np.asarray(self.shrink) * self.margin)

    def unshrunken(self, quantiles: np.ndarray) -> np.ndarray:
        """The same with the margin of safety alone."""
        return _around(quantiles, np.asarray(self.margin))


def _around(quantiles: np.ndarray, trust: np.ndarray) -> np.ndarray:
    centre = quantiles[..., MEDIAN : MEDIAN + 1]
    return quantiles - centre * (1 - trust[:, None])


def fit_shrinkage(
    quantiles: np.ndarray, moves: np.ndarray, scale: np.ndarray, *, price: bool
) -> Shrinkage:
    """Choose on a validation stretch: quantiles (m, horizons, levels) and realised moves (m,
    horizons), both in units of `scale` (m,), percent. The shrinkage minimises the absolute error,
    and is halved unless that gains clearly over the last value, which must not be lost."""
    shrink = []
    for k in range(len(HORIZONS)):
        known = np.isfinite(moves[:, k])
        q, truth, weight = quantiles[known, k], moves[known, k], scale[known]
        centre = q[:, MEDIAN]
        errors = [(weight * np.abs(truth - s * centre)).sum() for s in _SHRINKS]
        gain = 1 - min(errors) / max(errors[0], 1e-12)
        best = float(_SHRINKS[int(np.argmin(errors))])
        shrink.append(best if gain > _CLEAR_GAIN else best / 2)
    return Shrinkage(tuple(shrink), PRICE_MARGIN if price else (1.0,) * len(HORIZONS))


# -------------------------------------------------------------------------------- simple experts
@dataclass(frozen=True)
class Line:
    """A linear expert, in trailing scales: `weights` (horizons, paths) and the quantiles of its
    `residuals` (horizons, levels)."""

    weights: Table
    residuals: Table

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(self.weights), np.asarray(self.residuals)

    def quantiles(self, paths: np.ndarray) -> np.ndarray:
        """(m, horizons, levels) from the `paths` (m, horizons, paths)."""
        weights, residuals = self._arrays
        return (paths * weights).sum(axis=-1)[..., None] + residuals


@dataclass(frozen=True)
class Simple:
    """What the simple experts learnt of the training part: a line over the paths, for a price over
    the same-hour moves alone, and the `climatology` (horizons, levels) of the plain moves in
    trailing scales. `mirror`, true of a price, makes what is up or down alike."""

    line: Line
    climatology: Table
    mirror: bool

    @cached_property
    def _climatology(self) -> np.ndarray:
        return np.asarray(self.climatology)

    def climatology_of(self, origins: int) -> np.ndarray:
        """(m, horizons, levels) the climatology of so many origins."""
        return np.repeat(self._climatology[None], origins, axis=0)

    def as_json(self) -> dict[str, Any]:
        """For an artifact, whose keys keep the words of its format."""
        return {"line": asdict(self.line), "climate": self.climatology, "mirror": self.mirror}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Simple:
        """What `as_json` gave. Raises KeyError or TypeError where it did not."""
        return cls(Line(**fields["line"]), fields["climate"], fields["mirror"])


def fit_simple(paths: np.ndarray, moves: np.ndarray, *, mirror: bool) -> Simple:
    """Robust ridge regression of the moves (m, horizons) on the paths (m, horizons, paths);
    `mirror` makes the quantiles symmetric: a market's past trend is no promise."""
    moves = np.clip(moves, -CLIP, CLIP)
    climatology = tuple(_quantiles(column[np.isfinite(column)], mirror) for column in moves.T)
    season = np.isin(np.arange(paths.shape[2]), MOVE_PATHS)
    part = season if mirror else np.ones_like(season)
    return Simple(_line(paths, moves, part, mirror), climatology, mirror)


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
    """Huber regression by reweighting (Holland and Welsch 1977), nearly of the absolute error."""
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


# ------------------------------------------------------------------------------------- all of them
def expert_quantiles(
    network: np.ndarray,
    shrinkage: Shrinkage,
    simple: Simple,
    series: Series,
    rows: np.ndarray,
    inputs: Inputs,
) -> np.ndarray:
    """(m, horizons, experts, levels) in the order of EXPERTS, from the network's own answers (m,
    horizons, levels) at the origins `rows` (m,) and from their `inputs`."""
    climatology = simple.climatology_of(len(network))
    line = simple.line.quantiles(inputs.paths)
    if not simple.mirror:
        hour = _same_hour(series, rows)
        hour = np.clip(hour / inputs.scale[:, None, None], -CLIP[:, None], CLIP[:, None])
        climatology = np.where(np.isfinite(hour), hour, climatology)
    shrunken, unshrunken = shrinkage.shrunken(network), shrinkage.unshrunken(network)
    return np.stack([shrunken, unshrunken, line, climatology], axis=2)


def _same_hour(series: Series, rows: np.ndarray) -> np.ndarray:
    """(m, horizons, levels) quantiles of the values at the target's hour on the days before,
    relative to the last value."""
    past = seen_days(series.per_day, HOUR_DAYS)
    table = take(series.y, rows, past) - series.y[rows, None, None]
    found = _line_quantiles(table.reshape(-1, HOUR_DAYS), _LEAST_DAYS)
    return found.reshape(len(rows), len(HORIZONS), len(LEVELS))


def _line_quantiles(table: np.ndarray, least: int) -> np.ndarray:
    """(m, levels) quantiles of the known values of each line (m, k); NaN below `least`."""
    ordered = np.sort(table, axis=1)
    count = np.isfinite(table).sum(axis=1)
    place = np.clip(LEVELS * count[:, None] - 0.5, 0, np.maximum(count - 1, 0)[:, None])
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, np.maximum(count - 1, 0)[:, None])
    a, b = (np.take_along_axis(ordered, i, 1) for i in (low, high))
    return np.where(count[:, None] >= least, a + (place - low) * (b - a), np.nan)
