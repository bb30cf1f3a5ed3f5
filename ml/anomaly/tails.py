"""How rare is a value? Tails drawn through inner quantiles, so that unlabelled anomalies, which sit
beyond them, do not teach the model that anomalies are normal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

#: No value is called rarer than this; keeps scores finite.
MOST_DECADES = 30.0
#: Rows that a block needs for its outer quantiles, and the most blocks.
_BLOCK_ROWS = 1200
_MOST_BLOCKS = 13
_KNOTS = (0.5, 0.75, 0.9, 0.95, 0.97)


def _typical(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Quantiles of a series in the order of time: the median over its blocks, so that one wild
    month does not widen the tail for good."""
    blocks = int(np.clip(len(values) // _BLOCK_ROWS, 1, _MOST_BLOCKS))
    parts = np.array_split(values, blocks)
    return np.median([np.quantile(part, levels) for part in parts], axis=0)


@dataclass(frozen=True)
class Tail:
    """-log10 of the share of rows at or above a value.

    Inside: straight lines through (knots, decades). Beyond the last knot a Pareto tail (decades
    grow with the logarithm of the value) or an exponential one (they grow with the value):
    `slope` is decades per unit of that argument.
    """

    knots: tuple[float, ...]
    decades: tuple[float, ...]
    slope: float
    pareto: bool

    @classmethod
    def fit(cls, values: np.ndarray, *, through: tuple[float, float], pareto: bool) -> Tail:
        """Fit on finite, non-negative values. `through` are the two quantiles of the tail."""
        levels = np.array([*(k for k in _KNOTS if k < through[0]), *through])
        knots = _typical(values, levels) if len(values) else np.arange(1.0, len(levels) + 1)
        knots = np.maximum.accumulate(np.maximum(knots, 1e-9))
        knots = knots * (1 + 1e-6 * np.arange(len(knots)))  # strictly ascending
        decades = -np.log10(1 - levels)
        low, high = knots[-2], knots[-1]
        run = np.log(high / low) if pareto else high - low
        rise = decades[-1] - decades[-2]
        # A flat stretch between the quantiles must not make every step beyond it infinitely rare.
        slope = rise / max(run, 0.05 if pareto else 0.05 * high)
        return cls(tuple(map(float, knots)), tuple(map(float, decades)), float(slope), pareto)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Decades of rarity, 0 for what is usual; unknown values (NaN) are usual."""
        values = np.nan_to_num(values, nan=0.0)
        top = self.knots[-1]
        inside = np.interp(values, (0.0, *self.knots), (0.0, *self.decades))
        over = np.maximum(values, top)
        step = np.log(over / top) if self.pareto else over - top
        beyond = self.decades[-1] + self.slope * step
        return np.minimum(np.where(values > top, beyond, inside), MOST_DECADES)

    def inverse(self, decades: float) -> float:
        """The value that is rare by so many decades."""
        top = self.knots[-1]
        if decades <= self.decades[-1]:
            return float(np.interp(decades, (0.0, *self.decades), (0.0, *self.knots)))
        step = (decades - self.decades[-1]) / self.slope
        return float(top * np.exp(min(step, 50.0))) if self.pareto else float(top + step)

    def to_json(self) -> dict[str, Any]:
        return {
            "knots": list(self.knots),
            "decades": list(self.decades),
            "slope": self.slope,
            "pareto": self.pareto,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Tail:
        return cls(tuple(body["knots"]), tuple(body["decades"]), body["slope"], body["pareto"])


@dataclass(frozen=True)
class RunTail:
    """-log10 of the rate of runs that reach a length: geometric, through the two shortest runs.

    Long runs are the faults that are looked for, so they must not shape the tail.
    """

    first: float  # decades of a run of one row
    ratio: float  # decades for every further row

    @classmethod
    def fit(cls, runs: np.ndarray) -> RunTail:
        """`runs` holds the run length so far of every row (0 when there is none)."""
        n = len(runs) + 2.0
        reached = [float(np.sum((runs >= k) & (np.r_[0, runs[:-1]] < k))) for k in (1, 2, 3)]
        rate = np.array([(r + 1.0) / n for r in reached])
        falls = np.log10(rate[0] / rate[2]) / 2
        # Runs end sooner or later (at least one in ten a row), and half the time at the most.
        return cls(float(-np.log10(rate[0])), float(np.clip(falls, 0.05, 1.0)))

    def __call__(self, runs: np.ndarray) -> np.ndarray:
        decades = self.first + self.ratio * (runs - 1)
        return np.where(runs >= 1, np.clip(decades, 0, MOST_DECADES), 0.0)
