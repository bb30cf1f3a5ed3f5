"""How rare is it, in decades: a value, a feed that stays as it is, two sides that are crossed?

Tails are drawn through inner quantiles, so that unlabelled anomalies, which sit beyond them, do not
teach the model that anomalies are normal. Beyond the last quantile they are those of extreme value
theory, Pareto or exponential (Pickands 1975, Annals of Statistics 3; Siffer et al. 2017, KDD, do so
for streams).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.anomaly.features import Features, run_by_row

#: No value is called rarer than this; keeps scores finite.
MOST_DECADES = 30.0
#: Rows that a block needs for its outer quantiles, and the most blocks.
_BLOCK_ROWS = 1200
_MOST_BLOCKS = 13
#: Crossed quotes rarer than this share of rows are taken for faults, whatever their depth.
_HABITUAL = 0.003
#: Where more rows than this are crossed, it is how the market looks.
_HABITUAL_ROWS = 0.03
_HOUR = 60.0  # minutes
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
        if len(values) == 1:  # a single quote asks for many of these
            return np.array([self._of(float(values[0]))])
        values = np.nan_to_num(values, nan=0.0)
        top = self.knots[-1]
        inside = np.interp(values, (0.0, *self.knots), (0.0, *self.decades))
        over = np.maximum(values, top)
        step = np.log(over / top) if self.pareto else over - top
        beyond = self.decades[-1] + self.slope * step
        return np.minimum(np.where(values > top, beyond, inside), MOST_DECADES)

    def _of(self, value: float) -> float:
        """The decades of one value, in plain numbers; the same as in a row of them."""
        top = self.knots[-1]
        if value > top:
            value = min(value, float(np.finfo(float).max))
            step = float(np.log(value / top)) if self.pareto else value - top
            return min(self.decades[-1] + self.slope * step, MOST_DECADES)
        if not value > 0.0:
            return 0.0
        knots, decades = (0.0, *self.knots), (0.0, *self.decades)
        place = bisect_right(knots, value) - 1
        rise = 0.0
        if knots[place] < value:
            rise = (decades[place + 1] - decades[place]) / (knots[place + 1] - knots[place])
        return min(rise * (value - knots[place]) + decades[place], MOST_DECADES)

    def inverse(self, decades: float) -> float:
        """The value that is rare by so many decades."""
        top = self.knots[-1]
        if decades <= self.decades[-1]:
            return float(np.interp(decades, (0.0, *self.decades), (0.0, *self.knots)))
        step = (decades - self.decades[-1]) / self.slope
        return float(top * np.exp(min(step, 50.0))) if self.pareto else float(top + step)

    def to_json(self) -> dict[str, Any]:
        """For the artifact's manifest; `from_json` reads it."""
        return {
            "knots": list(self.knots),
            "decades": list(self.decades),
            "slope": self.slope,
            "pareto": self.pareto,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Tail:
        """What `to_json` wrote."""
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
        """(rows,) decades of rarity of runs of such lengths, 0 where there is none."""
        decades = self.first + self.ratio * (runs - 1)
        return np.where(runs >= 1, np.clip(decades, 0, MOST_DECADES), 0.0)


@dataclass(frozen=True)
class RunHead:
    """A fitted run. Where a feed often stands still by nature (a price at night), what counts is
    not how long but how surprising it is: `quiet`, 24 numbers, is -log10 of the chance that the
    feed stays unchanged in that hour of the day (UTC), and they add up while it does.

    excused: readings of a run that say nothing; a single missed scrape is no fault.
    """

    excused: int
    counted: RunTail
    quiet: tuple[float, ...]
    surprise: Tail | None

    @classmethod
    def fit(cls, features: Features, name: str, rows: np.ndarray) -> RunHead:
        """On the readings of the mask `rows`."""
        flag, keep = features.flags[name]
        last = features.readings.last[rows[features.readings.last]]
        excused = 1 if name.startswith("missing") else 0
        counted = RunTail.fit(np.maximum(features.signals[name][last] - excused, 0))
        quiet = _quiet(features.readings.minutes[last], flag[last] & ~keep[last])
        head = cls(excused, counted, quiet, None)
        if excused or not name.startswith("stale"):
            return head
        sums = head.sums(features, name)[last]
        if not len(sums) or np.quantile(sums, 0.97) <= 0:
            return head
        tail = Tail.fit(sums, through=(0.97, 0.995), pareto=False)
        return cls(excused, counted, quiet, tail)

    def gain(self, minutes: np.ndarray) -> np.ndarray:
        """(rows,) decades that one more unchanged reading adds."""
        return np.array(self.quiet)[(minutes // _HOUR).astype(np.int64) % 24]

    def sums(self, features: Features, name: str) -> np.ndarray:
        """(rows,) surprise of the run up to and with each row."""
        flag, keep = features.flags[name]
        return run_by_row(features.readings, flag, keep, self.gain(features.readings.minutes))

    def decades(self, run: np.ndarray, sums: np.ndarray | None) -> np.ndarray:
        """(rows,) decades of rarity, from the run's length and its sum of surprise."""
        if self.surprise is not None and sums is not None:
            return np.where(run > 0, self.surprise(sums), 0.0)
        return self.counted(np.maximum(run - self.excused, 0))

    def to_json(self) -> dict[str, Any]:
        """For the artifact's manifest; `from_json` reads it."""
        return {
            "excused": self.excused,
            "counted": [self.counted.first, self.counted.ratio],
            "quiet": list(self.quiet),
            "surprise": self.surprise.to_json() if self.surprise else None,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> RunHead:
        """What `to_json` wrote."""
        surprise = Tail.from_json(body["surprise"]) if body["surprise"] else None
        return cls(body["excused"], RunTail(*body["counted"]), tuple(body["quiet"]), surprise)


def _quiet(minutes: np.ndarray, unchanged: np.ndarray) -> tuple[float, ...]:
    """-log10 of the share of unchanged readings per hour of the day, over three hours each."""
    hour = (minutes // _HOUR).astype(np.int64) % 24
    seen = np.bincount(hour, minlength=24)
    still = np.bincount(hour[unchanged], minlength=24)
    wide = [np.roll(x, -1) + x + np.roll(x, 1) for x in (still, seen)]
    share = (wide[0] + 1.0) / (wide[1] + 2.0)
    return tuple(float(-np.log10(s)) for s in np.minimum(share, 0.999))


def crossing_decades(signals: dict[str, np.ndarray], last: np.ndarray) -> float | None:
    """Decades of rarity of a crossing, None where it is a habit."""
    if "crossed" not in signals or not len(last):
        return 0.0
    depth = signals["crossed"][last]
    # The median over stretches: one bad month does not make a habit.
    blocks = int(np.clip(len(depth) // 1000, 1, 13))
    if np.median([np.mean(part > 0) for part in np.array_split(depth, blocks)]) > _HABITUAL_ROWS:
        return None
    begun = np.sum((depth > 0) & (np.r_[0, depth[:-1]] <= 0))
    rate = float(begun + 1) / (len(depth) + 2)
    return float(-np.log10(rate)) + (1.0 if rate < _HABITUAL else 0.0)
