"""What the autoencoder could not rebuild of the last row.

Two steps carry most of the quality (measured in the benches): inputs are squashed before the
network and the squashed-off part is added back to the residual, and every residual is divided by
its own trailing 90 % quantile, so that a wild month is judged by its own measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ml.anomaly.features import Features
from ml.anomaly.nets import AnomalyNetwork

_LINEAR = 3.0


def squash(z: np.ndarray) -> np.ndarray:
    """Linear up to 3, logarithmic beyond: one huge row must not own the whole input."""
    size = np.abs(z)
    return np.sign(z) * np.where(
        size > _LINEAR, _LINEAR + np.log1p(np.maximum(size - _LINEAR, 0)), size
    )


@dataclass(frozen=True)
class Standard:
    """Robust centre and scale per feature, from the training rows."""

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray) -> Standard:
        known = [v[np.isfinite(v)] for v in values.T]
        center = np.array([np.median(v) if len(v) else 0.0 for v in known])
        scale = []
        for v, c in zip(known, center, strict=True):
            # The 90 % quantile, not the MAD: half of the returns of a quiet market are zero.
            wide = np.quantile(np.abs(v - c), 0.9) / 1.645 if len(v) else 1.0
            scale.append(max(wide, 0.1 * v.std() if len(v) else 0.0, 1e-6))
        return cls(center, np.array(scale))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return (values - self.center) / self.scale


@dataclass(frozen=True)
class Residuals:
    """All (rows, features), in standardised units: `size` of the residual with the squashed-off
    part, 0 where unknown; `signed`, its direction; `usual`, what the network expected."""

    size: np.ndarray
    signed: np.ndarray
    usual: np.ndarray


def residuals_of(z: np.ndarray, rebuilt: np.ndarray) -> Residuals:
    """From standardised values (NaN where unknown) and the rebuilt squashed ones."""
    squashed = squash(z)
    size = np.abs(rebuilt - squashed) + np.abs(z) - np.abs(squashed)
    return Residuals(np.nan_to_num(size), np.nan_to_num(z - rebuilt), rebuilt)


class Rebuilder:
    """The networks of one detector and what they are fed with."""

    def __init__(
        self, networks: list[AnomalyNetwork], standard: Standard, window: int, device: torch.device
    ) -> None:
        self.networks, self.standard = networks, standard
        self.window, self.device = window, device

    def inputs(self, features: Features) -> tuple[np.ndarray, np.ndarray]:
        """(rows, features) standardised, NaN where unknown, and squashed with 0 for unknown."""
        z = self.standard(features.values)
        return z, np.nan_to_num(squash(z), nan=0.0)

    def last_rows(self, windows: torch.Tensor) -> np.ndarray:
        """(batch, window, features) -> (batch, features): the mean over the networks of the
        rebuilt last row."""
        with torch.inference_mode():
            x = windows.to(self.device)
            last = sum(n.rebuild_last(x) for n in self.networks) / len(self.networks)
            return last.double().cpu().numpy()

    def residuals(self, features: Features) -> Residuals:
        z, squashed = self.inputs(features)
        readings = features.readings
        # Each row stands at the end of the readings before its own; the first one is repeated.
        number = readings.reading[:, None] + np.arange(1 - self.window, 0)
        rows = np.column_stack([readings.last[np.maximum(number, 0)], np.arange(len(z))])
        table = torch.from_numpy(squashed.astype(np.float32))
        parts = torch.from_numpy(rows).split(4096)
        rebuilt = [self.last_rows(table[part]) for part in parts]
        return residuals_of(z, np.concatenate(rebuilt) if rebuilt else np.zeros_like(z))

    def to_json(self) -> dict[str, Any]:
        return {
            "center": self.standard.center.tolist(),
            "scale": self.standard.scale.tolist(),
        }

    @classmethod
    def from_json(
        cls, body: dict[str, Any], networks: list[AnomalyNetwork], window: int, device: torch.device
    ) -> Rebuilder:
        standard = Standard(np.array(body["center"]), np.array(body["scale"]))
        return cls(networks, standard, window, device)
