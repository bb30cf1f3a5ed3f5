"""The baseline "robust_z": every feature against its own trailing median and MAD, the largest wins.

It sees the same features and rules' signals as the network, and has its own calibrated threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.anomaly.features import Features
from ml.anomaly.residuals import TRAIL, TRUSTED, Standard, trailing_quantile
from ml.anomaly.scored import Scored

#: MAD -> standard deviation of a normal distribution.
_MAD = 1.4826


def _table(features: Features) -> tuple[tuple[str, ...], np.ndarray]:
    """Feature and signal names, (rows, names) values; run lengths on a log scale."""
    signals = {k: v for k, v in features.signals.items() if k != "common"}
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
        rolling = pd.DataFrame(values).shift(1).rolling(TRAIL, min_periods=1)
        weight = np.nan_to_num(np.minimum(rolling.count().to_numpy() / TRUSTED, 1.0), nan=0.0)
        middle = np.nan_to_num(rolling.median().to_numpy(), nan=0.0)
        middle = weight * middle + (1 - weight) * self.standard.center
        away = np.abs(values - middle)
        unit = _MAD * trailing_quantile(away, self.standard.scale / _MAD, q=0.5)
        z = np.nan_to_num(away / unit, nan=0.0)
        z[~features.live] = 0.0
        margins = (
            {n: threshold * u for n, u in zip(names, unit.T, strict=True)} if threshold else {}
        )
        return Scored.of(features, names, z, margins)

    def to_json(self) -> dict[str, Any]:
        return {"center": self.standard.center.tolist(), "scale": self.standard.scale.tolist()}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> RobustZ:
        return cls(Standard(np.array(body["center"]), np.array(body["scale"])))
