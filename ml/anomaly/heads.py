"""The heads of the detector: each answers decades of rarity per row, in one currency, so that the
maximum of all gives every head its budget of false alarms. Every function works on rows at once,
for a whole table as for a single quote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.anomaly.alarms import HYSTERESIS_ROWS, REFERENCE, score_hysteresis
from ml.anomaly.features import Features
from ml.anomaly.readings import past_median, trailing_quantile
from ml.anomaly.residuals import Residuals
from ml.anomaly.tails import RunHead, Tail, crossing_decades

#: Readings over which a drift adds up.
DRIFT_ROWS = 5
#: Readings before a row whose own decades, levels and steps its score depends on: those from which
#: a score may last, and the median and the drift of the first of them.
BEFORE = HYSTERESIS_ROWS + REFERENCE + DRIFT_ROWS
#: How far the measure of a shift of level follows the last weeks.
_LOCAL = 0.3
#: Liquidity is watched by many heads; together they must not spend the budget of the others. More
#: of it than expected is hardly ever trouble.
_SIZE_BUDGET = 0.85
#: A spread is bounded by what traders would take: it is rarer than its tail says.
_SPREAD_BUDGET = 1.1
#: A trend is a gap to the median too.
_TREND_BUDGET = 0.9
_MORE_OF_IT = 0.5
#: Quantiles through which tails go; a drift is a sum of few steps and has an inner one.
_OUTER, _DRIFT_OUTER = (0.97, 0.995), (0.90, 0.97)
#: Least fallback of a feature's residual, of the mid's move and of the depth of a crossing.
_LEAST_RESIDUAL, _LEAST_MOVE, _LEAST_DEPTH = 0.02, 1e-6, 1e-3


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
        sized = trailing_inputs(features.signals, residuals)
        floor = np.r_[np.full(len(features.names), _LEAST_RESIDUAL), _LEAST_MOVE, _LEAST_DEPTH]
        usual = np.quantile(sized[last], 0.9, axis=0) if len(last) else floor
        rate = crossing_decades(features.signals, last)
        blank = cls(features.names, np.maximum(usual, floor), {}, {}, rate)
        measured = blank.measure(features, residuals)
        columns = dict(zip(features.names, measured.sizes.T, strict=True))
        tails = {
            name: Tail.fit(
                values[last],
                through=_DRIFT_OUTER if name == "drift" else _OUTER,
                pareto=name != "drift",
            )
            for name, values in (columns | measured.stats).items()
        }
        runs = {n: RunHead.fit(features, n, rows) for n in features.flags}
        return cls(features.names, blank.fallback, tails, runs, rate)

    def measure(self, features: Features, residuals: Residuals, first: int = 0) -> Measured:
        """A table, from the row `first` on, the first one of a reading; `residuals` are those of
        all its rows. The readings before that row do not count for a drift."""
        sized = trailing_inputs(features.signals, residuals)
        local = trailing_quantile(features.readings, sized, self.fallback, features.usual, first)
        part = features.from_row(first) if first else features
        signals, number = part.signals, part.readings.reading
        total = np.r_[0.0, np.cumsum(drift_step(signals, local)[part.readings.last])]
        earlier = total[number] - total[np.maximum(number + 1 - DRIFT_ROWS, 0)]
        own = Residuals(residuals.size[first:], residuals.signed[first:])
        return self.weigh(signals, own, sized[first:], local, earlier)

    def weigh(
        self,
        signals: dict[str, np.ndarray],
        residuals: Residuals,
        sized: np.ndarray,
        local: np.ndarray,
        earlier: np.ndarray,
    ) -> Measured:
        """`sized` are the `trailing_inputs`, `local` (alike) their trailing quantiles; `earlier`
        (rows,) is the sum of the steps of the readings before a row that count for its drift."""
        unit, move = local[:, :-2], local[:, -2]
        stats = {
            "drift": np.abs(earlier + drift_step(signals, local)),
            "level": _level_stat(signals["common"], move, self.fallback[-2]),
        }
        if self.crossed_rate is None:
            stats["crossed"] = sized[:, -1] / local[:, -1]
        stats |= _depth_stats(self.names, residuals, unit)
        return Measured(_weighted_sizes(self.names, residuals) / unit, unit, stats)

    def decades(
        self, features: Features, measured: Measured, first: int = 0
    ) -> dict[str, np.ndarray]:
        """Head name -> (rows,) decades of rarity of each row by itself, without hysteresis, from
        the row `first` on: that of the first one that was measured."""
        sums = {
            n: head.sums(features, n)[first:]
            for n, head in self.runs.items()
            if head.surprise is not None
        }
        return self.rarity(measured, {k: v[first:] for k, v in features.signals.items()}, sums)

    def rarity(
        self, measured: Measured, signals: dict[str, np.ndarray], sums: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The same from what was measured; `sums` are the runs' sums of surprise, by flag."""
        columns = dict(zip(self.names, measured.sizes.T, strict=True)) | measured.stats
        out = {name: tail(columns[name]) * budget(name) for name, tail in self.tails.items()}
        for name, head in self.runs.items():
            out[name] = head.decades(signals[name], sums.get(name))
        if self.crossed_rate is not None and "crossed" in signals:
            out["crossed"] = np.where(signals["crossed"] > 0, self.crossed_rate, 0.0)
        return out

    def with_hysteresis(
        self, features: Features, decades: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The same, each lasting while the level that it watches stays away from home."""
        homes: dict[str, np.ndarray] = {}
        out = {}
        for name, found in decades.items():
            level = watched_level(name)
            if level is None or level not in features.levels:
                out[name] = found
                continue
            if level not in homes:
                homes[level] = past_median(features.readings, features.levels[level], REFERENCE)
            out[name] = score_hysteresis(
                features.readings, found, features.levels[level], homes[level]
            )
        return out

    def to_json(self) -> dict[str, Any]:
        """For the artifact's manifest; `from_json` reads it."""
        return {
            "names": list(self.names),
            "fallback": self.fallback.tolist(),
            "tails": {k: t.to_json() for k, t in self.tails.items()},
            "runs": {k: r.to_json() for k, r in self.runs.items()},
            "crossed_rate": self.crossed_rate,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Heads:
        """What `to_json` wrote."""
        return cls(
            names=tuple(body["names"]),
            fallback=np.array(body["fallback"]),
            tails={k: Tail.from_json(t) for k, t in body["tails"].items()},
            runs={k: RunHead.from_json(r) for k, r in body["runs"].items()},
            crossed_rate=body["crossed_rate"],
        )


def _is_size(name: str) -> bool:
    """Whether a feature is about volumes or offers."""
    return name.startswith("gap_") and name != "gap_mid"


def watched_level(name: str) -> str | None:
    """The level that a head watches, by which its score lasts; None where it does not."""
    if name in ("drift", "level"):
        return "mid"
    if name.startswith("depth_"):
        return f"{name.removeprefix('depth_')}_volume"
    kind, _, level = name.partition("_")
    return level if kind in ("return", "gap") else None


def _depth_sides(names: tuple[str, ...]) -> list[str]:
    """Sides whose volume and offers are both known."""
    return [s for s in ("bid", "ask") if {f"gap_{s}_volume", f"gap_{s}_offers"} <= set(names)]


def _weighted_sizes(names: tuple[str, ...], residuals: Residuals) -> np.ndarray:
    """(rows, features) sizes; liquidity above what is expected counts half."""
    more = np.array([_is_size(n) and n != "gap_imbalance" for n in names])
    return np.where(more & (residuals.signed > 0), _MORE_OF_IT, 1.0) * residuals.size


def _depth_stats(
    names: tuple[str, ...], residuals: Residuals, unit: np.ndarray
) -> dict[str, np.ndarray]:
    """Volume and offers of a side falling together, in units of both trailing quantiles."""
    out = {}
    for side in _depth_sides(names):
        at = [names.index(f"gap_{side}_volume"), names.index(f"gap_{side}_offers")]
        fall = np.where(residuals.signed[:, at] < 0, residuals.size[:, at], 0.0)
        out[f"depth_{side}"] = fall.sum(axis=1) / unit[:, at].sum(axis=1)
    return out


def budget(name: str) -> float:
    """By what the decades of a head count: its share of the false alarms."""
    if _is_size(name) or name.startswith("depth_"):
        return _SIZE_BUDGET
    return {"spread": _SPREAD_BUDGET, "gap_mid": _TREND_BUDGET}.get(name, 1.0)


def _level_stat(common: np.ndarray, move: np.ndarray, scale: float) -> np.ndarray:
    """Size of a common move between the local and the usual measure: a quiet week alone must not
    make an ordinary step a shift of level."""
    return np.abs(common) / (move**_LOCAL * scale ** (1 - _LOCAL))


def drift_step(signals: dict[str, np.ndarray], local: np.ndarray) -> np.ndarray:
    """(rows,) the common move, counted as at most one usual large move."""
    return np.clip(signals["common"] / local[:, -2], -1.0, 1.0)


def trailing_inputs(signals: dict[str, np.ndarray], residuals: Residuals) -> np.ndarray:
    """(rows, features + 2): what is measured by its own trailing quantile: the residuals, the mid's
    move and the depth of a crossing."""
    depth = signals.get("crossed", np.zeros(len(residuals.size)))
    return np.column_stack([residuals.size, np.abs(signals["move"]), depth])
