"""How rare is a row of a plain series? Decades of rarity, comparable from file to file.

Every view (ml.anomaly.values_features) and the autoencoder's residual is a size in robust units,
squashed; their mean is one statistic. A tail fitted to it before the row says how rare it is: one
fitted at the last fit, one over the last 2000 rows and one over the last 4000, because a series
that was calm in its youth is not strange for good. A new record adds to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ml.anomaly.residuals import squash
from ml.anomaly.tails import MOST_DECADES
from ml.anomaly.values_features import NAMES, ValueFeatures
from ml.anomaly.values_network import WINDOW, ValueNetwork, fit_value_network
from ml.spec import ProgressCallback

#: The tail is an exponential through these quantiles: anomalies sit beyond them.
LEVELS = (0.90, 0.97)
TRAILING = (2000, 4000)
#: Views that the network sees, by place in NAMES.
SEEN = (0, 1, 2)
#: Decades for topping all earlier rows by their whole range.
RECORD = 30.0
_TRUSTED = 50
_Z_MOST = 1e6


def _tail(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Decades of rarity under an exponential tail through the two quantiles."""
    first, second = (-np.log10(1 - level) for level in LEVELS)
    width = np.maximum((high - low) / (second - first), 0.02 * np.abs(high) + 1e-9)
    return np.maximum(0.0, first + (values - low) / width)


@dataclass(frozen=True)
class Rarity:
    """Fitted on rows before a moment. center, scale: per view; unit: of the network's residuals;
    low, high: quantiles of the statistic."""

    center: np.ndarray
    scale: np.ndarray
    network: ValueNetwork | None
    unit: np.ndarray
    low: float
    high: float

    @classmethod
    def fit(
        cls,
        table: np.ndarray,
        *,
        seed: int,
        device: torch.device,
        with_network: bool,
        on_progress: ProgressCallback,
        stage: str,
    ) -> Rarity:
        """`table` holds the views of the rows to learn from."""
        center = np.median(table, axis=0)
        wide = np.quantile(np.abs(table - center), 0.9, axis=0) / 1.645
        least = 1e-12 + 1e-9 * np.abs(center)
        scale = np.maximum(np.maximum(wide, 0.1 * table.std(axis=0)), least)
        network, unit = None, np.ones(len(SEEN))
        if with_network:
            z = _standard(table, center, scale)[:, SEEN]
            network = fit_value_network(
                z, seed=seed, device=device, on_progress=on_progress, stage=stage
            )
            if network is not None:
                unit = np.maximum(np.quantile(network.residuals(z), 0.9, axis=0), 1e-3) / 1.645
        loose = cls(center, scale, network, unit, 0.0, 1.0)
        low, high = np.quantile(loose.statistic(table), LEVELS)
        return cls(center, scale, network, unit, float(low), float(high))

    def sizes(self, table: np.ndarray, start: int = 0) -> np.ndarray:
        """(rows from start on, views and the network) squashed sizes; the rows before are there
        for the network's windows."""
        z = _standard(table, self.center, self.scale)
        parts = [squash(np.abs(z[start:]))]
        if self.network is not None:
            seen = z[max(0, start - WINDOW + 1) :, SEEN]
            residuals = self.network.residuals(seen)[-len(z[start:]) :] / self.unit
            parts.append(squash(residuals).mean(axis=1, keepdims=True))
        return np.hstack(parts)

    def statistic(self, table: np.ndarray, start: int = 0) -> np.ndarray:
        return self.sizes(table, start).mean(axis=1)

    def decades(self, features: ValueFeatures, start: int, end: int) -> np.ndarray:
        """Decades of rarity of the rows start..end, each from the rows up to it."""
        back = max(0, start - max(TRAILING) - 1)
        statistic = self.statistic(features.table[:end], back)
        before = pd.Series(statistic).shift(1)
        out = [_tail(statistic, np.array(self.low), np.array(self.high))]
        for rows in TRAILING:
            rolling = before.rolling(rows, min_periods=_TRUSTED)
            low, high = (rolling.quantile(level).to_numpy() for level in LEVELS)
            found = _tail(statistic, low, high)
            out.append(np.where(np.isfinite(found), found, out[0]))
        rare = np.mean(out, axis=0)[start - back :]
        return np.minimum(rare + RECORD * features.excess[start:end], MOST_DECADES)


def _standard(table: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip((table - center) / scale, -_Z_MOST, _Z_MOST)


def kind_of(sizes: np.ndarray) -> str:
    """Name of a strange row from its squashed sizes (views and network): which view is highest."""
    names = (*NAMES, "network")
    top = names[int(np.argmax(sizes))]
    if top in ("season_12", "season_48"):
        return "level_shift"
    return "other" if top == "roughness" else "spike"
