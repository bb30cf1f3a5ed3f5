"""Rules beside the network: faults of a feed that need no learning, only a rate.

Each head answers decades of rarity per row, in the same currency as the network's heads, so that
the maximum of all gives every head the same budget of false alarms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.anomaly.features import Features
from ml.anomaly.residuals import trailing_quantile
from ml.anomaly.tails import MOST_DECADES, RunTail, Tail

#: Rows over which a drift adds up, and rows for which a level shift is held while it lasts.
DRIFT_ROWS = 6
HOLD_ROWS = 12
HOLD_DECAY = 0.08
#: Crossed quotes rarer than this share of rows are taken for faults, whatever their depth.
_HABITUAL = 0.003


@dataclass(frozen=True)
class Rules:
    """Fitted rule heads. `scale` is the usual size of a common move of both sides (log units)."""

    scale: float
    runs: dict[str, RunTail]
    drift: Tail
    level: Tail
    crossed_rate: float  # decades of a crossing of any depth
    crossed: Tail | None

    @classmethod
    def fit(cls, features: Features, rows: np.ndarray) -> Rules:
        """`rows` is the mask of the training rows."""
        signals = features.signals
        moves = np.abs(signals["common"][rows])
        moving = moves[moves > 0]
        scale = float(np.quantile(moves, 0.9)) if len(moves) else 0.0
        if scale <= 0:
            scale = float(np.median(moving)) if len(moving) else 1e-4
        local = _local(signals["common"], scale)
        drift, level = _drift(signals["common"], local), _jump(signals["common"], local, scale)
        depth = signals.get("crossed", np.zeros(len(rows)))[rows]
        begun = np.sum((depth > 0) & (np.r_[0, depth[:-1]] <= 0))
        rate = float(begun + 1) / (len(depth) + 2)
        deep = depth[depth > 0]
        return cls(
            scale=scale,
            runs={k: RunTail.fit(v[rows]) for k, v in signals.items() if _is_run(k)},
            drift=Tail.fit(drift[rows], through=(0.90, 0.97), pareto=False),
            level=Tail.fit(level[rows], through=(0.97, 0.995), pareto=True),
            crossed_rate=float(-np.log10(rate)) + (1.0 if rate < _HABITUAL else 0.0),
            crossed=Tail.fit(deep, through=(0.75, 0.9), pareto=False) if len(deep) > 30 else None,
        )

    def decades(self, features: Features) -> dict[str, np.ndarray]:
        """Head name -> (rows,) decades of rarity."""
        signals = features.signals
        common = signals["common"]
        local = _local(common, self.scale)
        out = {name: tail(signals[name]) for name, tail in self.runs.items()}
        out["drift"] = self.drift(_drift(common, local))
        out["level"] = _hold(self.level(_jump(common, local, self.scale)), common)
        if "crossed" in signals:
            depth = signals["crossed"]
            deep = self.crossed(depth) if self.crossed else np.zeros(len(depth))
            found = np.minimum(self.crossed_rate + deep, MOST_DECADES)
            out["crossed"] = np.where(depth > 0, found, 0.0)
        return {name: np.where(features.live, d, 0.0) for name, d in out.items()}

    def to_json(self) -> dict[str, Any]:
        return {
            "scale": self.scale,
            "runs": {k: [t.first, t.ratio] for k, t in self.runs.items()},
            "drift": self.drift.to_json(),
            "level": self.level.to_json(),
            "crossed_rate": self.crossed_rate,
            "crossed": self.crossed.to_json() if self.crossed else None,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Rules:
        return cls(
            scale=body["scale"],
            runs={k: RunTail(*v) for k, v in body["runs"].items()},
            drift=Tail.from_json(body["drift"]),
            level=Tail.from_json(body["level"]),
            crossed_rate=body["crossed_rate"],
            crossed=Tail.from_json(body["crossed"]) if body["crossed"] else None,
        )


def _is_run(name: str) -> bool:
    return name == "stale" or name.startswith("missing")


def _local(common: np.ndarray, scale: float) -> np.ndarray:
    """Trailing 90 % quantile of the size of a common move, log units."""
    return trailing_quantile(np.abs(common)[:, None], np.array([scale]))[:, 0]


def _drift(common: np.ndarray, local: np.ndarray) -> np.ndarray:
    """Size of the sum of the last rows' moves, each counted as at most one usual large move."""
    steps = np.cumsum(np.clip(common / local, -1, 1))
    return np.abs(steps - np.r_[np.zeros(DRIFT_ROWS), steps][: len(steps)])


def _jump(common: np.ndarray, local: np.ndarray, scale: float) -> np.ndarray:
    """Size of a move between the local and the usual measure: a quiet week alone must not make an
    ordinary step a shift of level."""
    return np.abs(common) / np.sqrt(local * scale)


def _hold(decades: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Keep a jump's score, a little less every row, while at least half of the jump remains."""
    path, held = np.cumsum(common), decades.copy()
    for age in range(1, min(HOLD_ROWS, len(common) - 1) + 1):
        jump = common[:-age]
        moved = path[age:] - path[:-age] + jump
        lasting = (moved * np.sign(jump) >= np.abs(jump) / 2) & (jump != 0)
        kept = np.where(lasting, decades[:-age] - HOLD_DECAY * age, 0.0)
        held[age:] = np.maximum(held[age:], kept)
    return held
