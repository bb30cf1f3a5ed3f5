"""An online pool of experts: weights per horizon and level, learnt from realised forecasts.

The weights of a day are those of validation, moved by exponentiated gradients of the pinball loss
(Kivinen and Warmuth 1997; Thorey, Mallet, Baudin 2017) over the targets of the SPAN_DAYS before its
midnight. They are a function of those days alone: no forecast of a day sees a target of that day,
and a single forecast gets the weights that a batch over months gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.forecast.metrics import LEVELS
from ml.forecast.tracking import (
    MEDIAN,
    best_widths,
    centre_trust,
    stretched,
    tracked_stretch,
)
from ml.tasks import HORIZONS

SPAN_DAYS = 28
#: Of half-hours every third: an even gap would judge one half-hour after the full hour only, where
#: quotes that come by the hour are fresher or staler than half an hour later.
ANCHORS_A_DAY = 16
_HALF_LIFE_DAYS = 30.0
_RATE = 0.15
_PASSES = 4
_LARGEST_STEP = 1.0
_STEPS = np.asarray(HORIZONS)


def anchor_gap(per_day: int) -> int:
    """Every how many grid rows a forecast is made again to be judged."""
    return max(1, per_day // ANCHORS_A_DAY)


@dataclass(frozen=True)
class Realised:
    """Forecasts by the day of their target: `experts` (days, slots, horizons, experts, levels) and
    `moves` (days, slots, horizons; NaN where unknown) in units of a typical move; `first` is the
    number of the first day since 1970."""

    first: int
    experts: np.ndarray
    moves: np.ndarray

    def of(self, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lines of `days`, unknown where there is none."""
        line = days - self.first
        at = np.clip(line, 0, len(self.moves) - 1)
        inside = ((line >= 0) & (line < len(self.moves)))[:, None, None]
        return self.experts[at], np.where(inside, self.moves[at], np.nan)


def by_target_day(
    experts: np.ndarray, moves: np.ndarray, clock: np.ndarray, per_day: int
) -> Realised:
    """Lay out forecasts (m, horizons, experts, levels) and moves (m, horizons), made at the `clock`
    (m,) rows since 1970, multiples of `anchor_gap`."""
    gap = anchor_gap(per_day)
    slots = max(1, per_day // gap)
    shape = (slots, len(HORIZONS), *experts.shape[2:])
    if not len(clock):
        return Realised(0, np.zeros((1, *shape)), np.full((1, *shape[:2]), np.nan))
    target = clock[:, None] + _STEPS
    day, slot = target // per_day, target % per_day // gap
    first, count = int(day.min()), int(day.max() - day.min()) + 1
    table, truth = np.zeros((count, *shape)), np.full((count, *shape[:2]), np.nan)
    where = (day - first, slot, np.arange(len(HORIZONS))[None, :])
    table[where], truth[where] = experts, moves
    return Realised(first, table, truth)


def _gradients(experts: np.ndarray, moves: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(..., horizons, experts, levels) linearised pinball gradient, summed over the slots."""
    pooled = (weights[..., None, :, :, :] * experts).sum(axis=-2)
    slope = (np.nan_to_num(moves)[..., None] < pooled) - LEVELS
    slope = slope * np.isfinite(moves)[..., None]
    return (slope[..., None, :] * experts).sum(axis=-4) / experts.shape[-4]


def _moved(weights: np.ndarray, gradient: np.ndarray, per_day: int) -> np.ndarray:
    """Weights after a day of forecasts."""
    rate = (_RATE * per_day / np.sqrt(_STEPS))[:, None, None]
    away = gradient - (weights * gradient).sum(axis=-2, keepdims=True)
    power = np.log(np.maximum(weights, 1e-6)) - np.clip(rate * away, -_LARGEST_STEP, _LARGEST_STEP)
    power = np.exp(power - power.max(axis=-2, keepdims=True))
    return power / power.sum(axis=-2, keepdims=True)


def fit_weights(past: Realised, per_day: int) -> np.ndarray:
    """(horizons, experts, levels) weights warm-started on validation: the mean of the last of some
    passes, from equal ones."""
    shape = past.experts.shape[2:]
    weights, total = np.full(shape, 1 / shape[1]), np.zeros(shape)
    for turn in range(_PASSES):
        for experts, moves in zip(past.experts, past.moves, strict=True):
            weights = _moved(weights, _gradients(experts, moves, weights), per_day)
            total += weights if turn == _PASSES - 1 else 0.0
    return total / len(past.moves)


def daily_weights(start: np.ndarray, past: Realised, days: np.ndarray, per_day: int) -> np.ndarray:
    """(days, horizons, experts, levels) weights for each of `days`, from those of validation."""
    weights = np.repeat(start[None], len(days), axis=0)
    for back in range(SPAN_DAYS, 0, -1):
        trust = 0.5 ** ((back - 1) / _HALF_LIFE_DAYS)
        gradient = _gradients(*past.of(days - back), weights)
        weights = _moved(weights, trust * gradient, per_day)
    return weights


def daily_widths(
    weights: np.ndarray, past: Realised, days: np.ndarray, fallback: np.ndarray, guard: bool
) -> np.ndarray:
    """(days, horizons, levels) stretch of the quantiles around the centre: the one that would have
    served best over the SPAN_DAYS before, `fallback` (horizons, levels) where too few forecasts
    are realised; and on it what those days' hits and misses ask of each interval. With
    `guard` that of the centre says how much of it those days trust."""
    found = np.empty((len(days), len(HORIZONS), len(LEVELS)))
    for place, day in enumerate(days):
        experts, moves = past.of(np.arange(day - SPAN_DAYS, day))
        pooled = np.sort((weights[place] * experts).sum(axis=-2), axis=-1)
        flat, truth = pooled.reshape(-1, *pooled.shape[-2:]), moves.reshape(-1, len(HORIZONS))
        trust = np.ones(found.shape[1:])
        if guard:
            trust[:, MEDIAN] = centre_trust(flat[..., MEDIAN], truth)
        width = trust * best_widths(stretched(flat, trust), truth, fallback)
        found[place] = width * tracked_stretch(stretched(pooled, width), moves)
    return found


@dataclass(frozen=True)
class Pool:
    """What validation leaves: `weights` (horizons, experts, levels) of the experts, `width`
    (horizons, levels) of the pooled quantiles, the `unit` (horizons,) that makes moves comparable,
    and `since` (seconds since 1970) from which on forecasts are of moments that the networks never
    saw. `guard`, true of a price, lets the last weeks pull the centre to the last value."""

    weights: np.ndarray
    width: np.ndarray
    unit: np.ndarray
    since: int
    guard: bool

    def as_json(self) -> dict[str, Any]:
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(self).items()}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Pool:
        arrays = {k: np.asarray(fields[k], dtype="float64") for k in ("weights", "width", "unit")}
        return cls(**arrays, since=int(fields["since"]), guard=bool(fields["guard"]))

    def of_days(
        self, past: Realised, days: np.ndarray, per_day: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weights (days, horizons, experts, levels) and widths (days, horizons, levels) of `days`,
        numbers since 1970: a function of the targets before each day's midnight."""
        weights = daily_weights(self.weights, past, days, per_day)
        return weights, daily_widths(weights, past, days, self.width, self.guard)

    def pooled(
        self, experts: np.ndarray, memory: np.ndarray, weights: np.ndarray, width: np.ndarray
    ) -> np.ndarray:
        """(m, horizons, levels) pooled quantiles of forecasts (m, horizons, experts, levels) by
        each one's day; where there is no `memory` (m,) the network answers alone, as wide as
        validation asks for."""
        pooled = (weights * experts).sum(axis=2)
        pooled = np.where(memory[:, None, None], pooled, experts[:, :, 0])
        width = np.where(memory[:, None, None], width, self.width)
        return stretched(np.sort(pooled, axis=-1), width)

    def moves(
        self,
        experts: np.ndarray,
        memory: np.ndarray,
        clock: np.ndarray,
        past: Realised,
        per_day: int,
    ) -> np.ndarray:
        """The same at the `clock` (m,) rows since 1970, with what is `past` by then."""
        days, line = np.unique(clock // per_day, return_inverse=True)
        weights, width = self.of_days(past, days, per_day)
        return self.pooled(experts, memory, weights[line], width[line])


def fit_pool(
    experts: np.ndarray,
    moves: np.ndarray,
    clock: np.ndarray,
    per_day: int,
    *,
    since: int,
    guard: bool,
) -> Pool:
    """Weights and widths of a validation stretch: forecasts (m, horizons, experts, levels) and
    realised moves (m, horizons), in trailing scales."""
    size = np.nan_to_num(np.nanmean(np.abs(moves), axis=0), nan=1.0)
    unit = np.maximum(size, 0.1)
    some = clock % anchor_gap(per_day) == 0
    past = by_target_day(
        experts[some] / unit[:, None, None], moves[some] / unit, clock[some], per_day
    )
    weights = fit_weights(past, per_day)
    pooled = (weights * experts).sum(axis=2)
    alike = np.ones((len(HORIZONS), len(LEVELS)))
    width = best_widths(pooled / unit[:, None], moves / unit, alike)
    return Pool(weights, width, unit, since, guard)
