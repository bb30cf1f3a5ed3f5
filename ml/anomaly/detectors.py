"""The two detectors, and what either says about every row before it is put into words.

Both see the same features and rules' signals; each has a calibrated threshold of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from ml.anomaly.features import Features
from ml.anomaly.heads import BEFORE, Heads, budget
from ml.anomaly.readings import TRAIL, TRUSTED, trailing_start
from ml.anomaly.residuals import Rebuilder, Standard

#: MAD -> standard deviation of a normal distribution.
_MAD = 1.4826


@dataclass(frozen=True)
class DetectorScores:
    """heads: (rows, names) strangeness per head, in one currency. margins: feature -> (rows,) how
    far it may lie from what is expected before its head reaches the threshold (log units); empty
    where no threshold was given. Rows that were not asked for are NaN."""

    names: tuple[str, ...]
    heads: np.ndarray
    margins: dict[str, np.ndarray]

    @cached_property
    def total(self) -> np.ndarray:
        """(rows,) the raw score: the strangest head's."""
        return self.heads.max(axis=1)

    def from_row(self, row: int) -> DetectorScores:
        """Those of the rows from a row on."""
        margins = {name: margin[row:] for name, margin in self.margins.items()}
        return DetectorScores(self.names, self.heads[row:], margins)


class Detector(Protocol):
    """A fitted detector: the network with its rules, or the baseline."""

    def score(
        self, features: Features, *, threshold: float | None = None, first: int = 0
    ) -> DetectorScores:
        """`threshold` is the raw score at which margins are drawn. The rows from `first` on are
        asked for: what only earlier ones depend on need not be computed."""


@dataclass(frozen=True)
class NetworkDetector:
    """The network's residuals and the rules together."""

    network: Rebuilder
    heads: Heads

    @classmethod
    def fit(cls, network: Rebuilder, features: Features, rows: np.ndarray) -> NetworkDetector:
        """The heads, over what a fitted network cannot rebuild; `rows` is the mask of the training
        rows."""
        return cls(network, Heads.fit(features, network.residuals(features), rows))

    def score(
        self, features: Features, *, threshold: float | None = None, first: int = 0
    ) -> DetectorScores:
        """Decades of rarity per head; their maximum is the score. A maximum, not a sum: a fault
        shows in one or two features, and the many usual ones would drown it (measured in the
        benches). `threshold` is the raw score at which margins are drawn. Rows before `first` are
        not asked for."""
        readings = features.readings
        near = far = 0
        if first:
            near = readings.rows_before(first, BEFORE)
            far = trailing_start(readings, features.usual, near)
        residuals = self.network.residuals(features, far)
        measured = self.heads.measure(features, residuals, near)
        part = features.from_row(near)
        decades = self.heads.decades(features, measured, near)
        found = self.heads.with_hysteresis(part, decades)
        skip = first - near
        margins = {}
        if threshold is not None:
            scale = self.network.standard.scale
            for i, name in enumerate(features.names):
                far_off = self.heads.tails[name].inverse(threshold / budget(name))
                margins[name] = _after(far_off * measured.unit[skip:, i] * scale[i], first)
        heads = np.column_stack(list(found.values()))[skip:]
        return DetectorScores(tuple(found), _after(heads, first), margins)


def _after(values: np.ndarray, rows: int) -> np.ndarray:
    """The same after so many rows of which nothing is known."""
    return np.concatenate([np.full((rows, *values.shape[1:]), np.nan), values]) if rows else values


def _table(features: Features) -> tuple[tuple[str, ...], np.ndarray]:
    """Feature and signal names, (rows, names) values; run lengths on a log scale."""
    signals = {k: v for k, v in features.signals.items() if k not in ("common", "move")}
    logs = [np.log1p(v) if k != "crossed" else v for k, v in signals.items()]
    return (*features.names, *signals), np.column_stack([features.values, *logs])


@dataclass(frozen=True)
class RobustZ:
    """The baseline: every feature against its own trailing median and MAD, in standard deviations
    (Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers); the largest is the score. While
    there is little history it leans on the training's own centre and scale."""

    standard: Standard

    @classmethod
    def fit(cls, features: Features, rows: np.ndarray) -> RobustZ:
        """`rows` is the mask of the training rows."""
        return cls(Standard.fit(_table(features)[1][rows]))

    def score(
        self, features: Features, *, threshold: float | None = None, first: int = 0
    ) -> DetectorScores:
        """Robust z of every feature; `threshold` is the raw score at which margins are drawn. All
        rows are scored, whatever `first` is."""
        names, values = _table(features)
        readings = features.readings
        rolling = pd.DataFrame(values[readings.last]).rolling(TRAIL, min_periods=1)
        known = readings.before(np.nan_to_num(rolling.count().to_numpy()))
        weight = np.minimum(known / TRUSTED, 1.0)
        middle = np.nan_to_num(readings.before(rolling.median().to_numpy()))
        middle = weight * middle + (1 - weight) * self.standard.center
        away = np.abs(values - middle)
        near = pd.DataFrame(away[readings.last]).rolling(TRAIL, min_periods=1).median()
        spread = weight * np.nan_to_num(readings.before(near.to_numpy()))
        usual = self.standard.scale / _MAD
        unit = _MAD * np.maximum(spread + (1 - weight) * usual, usual / 4)
        z = np.nan_to_num(away / unit, nan=0.0)
        margins = (
            {n: threshold * u for n, u in zip(names, unit.T, strict=True)} if threshold else {}
        )
        return DetectorScores(names, z, margins)
