"""The baseline "robust_z": every feature against its own trailing median and MAD, the largest wins.

It sees the same features and rules' signals as the network, and has its own calibrated threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.anomaly.features import Features
from ml.anomaly.residuals import Standard
from ml.anomaly.scored import Scored
from ml.anomaly.trailing import TRAIL, TRUSTED

#: MAD -> standard deviation of a normal distribution.
_MAD = 1.4826


def _table(features: Features) -> tuple[tuple[str, ...], np.ndarray]:
    """Feature and signal names, (rows, names) values; run lengths on a log scale."""
    signals = {k: v for k, v in features.signals.items() if k not in ("common", "move")}
    logs = [np.log1p(v) if k != "crossed" else v for k, v in signals.items()]
    return (*features.names, *signals), np.column_stack([features.values, *logs])


@dataclass(frozen=True)
class RobustZ:
    standard: Standard

    @classmethod
    def fit(cls, features: Features, rows: np.ndarray) -> RobustZ:
        """`rows` is the mask of the training rows."""
        return cls(Standard.fit(_table(features)[1][rows]))

    def score(self, features: Features, *, threshold: float | None = None) -> Scored:
        """Robust z of every feature; `threshold` is the raw score at which margins are drawn."""
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
        return Scored.of(names, z, margins)

    def to_json(self) -> dict[str, Any]:
        return {"center": self.standard.center.tolist(), "scale": self.standard.scale.tolist()}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> RobustZ:
        return cls(Standard(np.array(body["center"]), np.array(body["scale"])))
