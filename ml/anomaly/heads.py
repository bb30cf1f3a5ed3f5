"""The heads of the detector: each answers decades of rarity per row, in one currency, so that the
maximum of all gives every head its budget of false alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.anomaly.features import Features, past_median
from ml.anomaly.hysteresis import REFERENCE, hold
from ml.anomaly.residuals import Residuals
from ml.anomaly.runs import RunHead
from ml.anomaly.stats import (
    DRIFT_ROWS,
    budget,
    level_stat,
    sized_of,
    sizes_of,
    step_of,
    together,
    watched,
)
from ml.anomaly.tails import Tail
from ml.anomaly.trailing import trailing_quantile

#: Crossed quotes rarer than this share of rows are taken for faults, whatever their depth.
_HABITUAL = 0.003
#: Where more rows than this are crossed, it is how the market looks.
_HABITUAL_ROWS = 0.03
_OUTER = (0.97, 0.995)


@dataclass(frozen=True)
class Measured:
    """What the tails are laid over, by row. sizes: (rows, features) residuals in units of their
    trailing quantile; unit: (rows, features) that quantile in standardised units. stats: name ->
    (rows,) for the heads beside the network."""

    sizes: np.ndarray
    unit: np.ndarray
    stats: dict[str, np.ndarray]


@dataclass(frozen=True)
class Heads:
    """Fitted tails. fallback: (features + 2,) 90 % quantiles in the training of the residual sizes,
    the mid's move and the depth of a crossing. crossed_rate: decades of a crossing of any depth,
    where crossings are rare; where they are a habit their depth has a tail like the others."""

    names: tuple[str, ...]
    fallback: np.ndarray
    tails: dict[str, Tail]
    runs: dict[str, RunHead]
    crossed_rate: float | None

    @classmethod
    def fit(cls, features: Features, residuals: Residuals, rows: np.ndarray) -> Heads:
        """`rows` is the mask of the training rows."""
        last = features.readings.last[rows[features.readings.last]]
        sized = sized_of(features.signals, residuals)
        floor = np.r_[np.full(len(features.names), 0.02), 1e-6, 1e-3]
        usual = np.quantile(sized[last], 0.9, axis=0) if len(last) else floor
        rate = _crossed_rate(features.signals, last)
        blank = cls(features.names, np.maximum(usual, floor), {}, {}, rate)
        measured = blank.measure(features, residuals)
        columns = dict(zip(features.names, measured.sizes.T, strict=True))
        tails = {
            name: Tail.fit(
                values[last],
                through=(0.90, 0.97) if name == "drift" else _OUTER,
                pareto=name != "drift",
            )
            for name, values in (columns | measured.stats).items()
        }
        runs = {n: RunHead.fit(features, n, rows) for n in features.flags}
        return cls(features.names, blank.fallback, tails, runs, rate)

    def measure(self, features: Features, residuals: Residuals) -> Measured:
        readings, signals = features.readings, features.signals
        sized = sized_of(signals, residuals)
        local = trailing_quantile(readings, sized, self.fallback, features.usual)
        total = np.r_[0.0, np.cumsum(step_of(signals, local)[readings.last])]
        number = readings.reading
        earlier = total[number] - total[np.maximum(number + 1 - DRIFT_ROWS, 0)]
        return self.weigh(signals, residuals, sized, local, earlier)

    def weigh(
        self,
        signals: dict[str, np.ndarray],
        residuals: Residuals,
        sized: np.ndarray,
        local: np.ndarray,
        earlier: np.ndarray,
    ) -> Measured:
        """`sized` and `local`, its trailing quantile, as `sized_of` says; `earlier` is the sum of
        the steps of the readings before a row that count towards its drift."""
        unit, move = local[:, :-2], local[:, -2]
        stats = {
            "drift": np.abs(earlier + step_of(signals, local)),
            "level": level_stat(signals["common"], move, self.fallback[-2]),
        }
        if self.crossed_rate is None:
            stats["crossed"] = sized[:, -1] / local[:, -1]
        stats |= together(self.names, residuals, unit)
        return Measured(sizes_of(self.names, residuals) / unit, unit, stats)

    def decades(self, features: Features, measured: Measured) -> dict[str, np.ndarray]:
        """Head name -> (rows,) decades of rarity at each row alone, nothing held."""
        sums = {
            n: head.sums(features, n) for n, head in self.runs.items() if head.surprise is not None
        }
        return self.rarity(measured, features.signals, sums)

    def rarity(
        self, measured: Measured, signals: dict[str, np.ndarray], sums: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        columns = dict(zip(self.names, measured.sizes.T, strict=True)) | measured.stats
        out = {name: tail(columns[name]) * budget(name) for name, tail in self.tails.items()}
        for name, head in self.runs.items():
            out[name] = head.decades(signals[name], sums.get(name))
        if self.crossed_rate is not None and "crossed" in signals:
            out["crossed"] = np.where(signals["crossed"] > 0, self.crossed_rate, 0.0)
        return out

    def held(self, features: Features, decades: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The same, each held while the level that it watches stays away from home."""
        homes: dict[str, np.ndarray] = {}
        out = {}
        for name, found in decades.items():
            level = watched(name)
            if level is None or level not in features.levels:
                out[name] = found
                continue
            if level not in homes:
                homes[level] = past_median(features.readings, features.levels[level], REFERENCE)
            out[name] = hold(features.readings, found, features.levels[level], homes[level])
        return out

    def to_json(self) -> dict[str, Any]:
        return {
            "names": list(self.names),
            "fallback": self.fallback.tolist(),
            "tails": {k: t.to_json() for k, t in self.tails.items()},
            "runs": {k: r.to_json() for k, r in self.runs.items()},
            "crossed_rate": self.crossed_rate,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Heads:
        return cls(
            names=tuple(body["names"]),
            fallback=np.array(body["fallback"]),
            tails={k: Tail.from_json(t) for k, t in body["tails"].items()},
            runs={k: RunHead.from_json(r) for k, r in body["runs"].items()},
            crossed_rate=body["crossed_rate"],
        )


def _crossed_rate(signals: dict[str, np.ndarray], last: np.ndarray) -> float | None:
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
