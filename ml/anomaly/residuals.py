"""What the autoencoder could not rebuild of the last row, and how rare that is.

Two steps carry most of the quality (measured in the benches): inputs are squashed before the
network and the squashed-off part is added back to the residual, and every residual is divided by
its own trailing 90 % quantile, so that a wild month is judged by its own measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from ml.anomaly.features import Features
from ml.anomaly.tails import Tail

#: Rows of the trailing quantile (15 days at half-hour steps) and how many make it trustworthy.
TRAIL = 720
TRUSTED = 240
_LINEAR = 3.0


def squash(z: np.ndarray) -> np.ndarray:
    """Linear up to 3, logarithmic beyond: one huge row must not own the whole input."""
    size = np.abs(z)
    return np.sign(z) * np.where(
        size > _LINEAR, _LINEAR + np.log1p(np.maximum(size - _LINEAR, 0)), size
    )


def trailing_quantile(values: np.ndarray, fallback: np.ndarray, *, q: float = 0.9) -> np.ndarray:
    """(rows, k) -> (rows, k): quantile of the TRAIL rows *before* each row, at least a quarter of
    `fallback` (k,), towards which it leans while there are fewer than TRUSTED known rows."""
    frame = pd.DataFrame(values).shift(1)
    rolling = frame.rolling(TRAIL, min_periods=1)
    weight = np.minimum(rolling.count().to_numpy() / TRUSTED, 1.0)
    local = np.nan_to_num(rolling.quantile(q).to_numpy(), nan=0.0)
    weight = np.nan_to_num(weight, nan=0.0)
    return np.maximum(weight * local + (1 - weight) * fallback, fallback / 4)


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
    """ratio: (rows, features) size of the residual in units of its trailing quantile, NaN where
    unknown. unit: (rows, features) that quantile in the feature's own unit. signed: the direction
    of the deviation. usual: what the network expected, in the feature's own unit."""

    ratio: np.ndarray
    unit: np.ndarray
    signed: np.ndarray
    usual: np.ndarray


class NetworkHeads:
    """One head per feature of the windows: decades of rarity of its residual in the last row."""

    def __init__(
        self,
        networks: list[nn.Module],
        standard: Standard,
        window: int,
        device: torch.device,
        fallback: np.ndarray | None = None,
        tails: tuple[Tail, ...] = (),
    ) -> None:
        self.networks, self.standard, self.window = networks, standard, window
        self.device, self.tails = device, tails
        self.fallback = np.ones(len(standard.center)) if fallback is None else fallback

    def inputs(self, features: Features) -> tuple[np.ndarray, np.ndarray]:
        """(rows, features) standardised, and the same squashed with 0 for unknown."""
        z = self.standard(features.values)
        return z, np.nan_to_num(squash(z), nan=0.0)

    def _rebuild(self, features: Features, squashed: np.ndarray) -> np.ndarray:
        """Mean over the networks of the rebuilt last row, (rows, features), in squashed units."""
        rows = np.arange(len(squashed))[:, None] + np.arange(1 - self.window, 1)
        # A window stops at the beginning of its unbroken stretch and repeats the row there.
        rows = np.maximum(rows, features.first[:, None])
        table = torch.from_numpy(squashed.astype(np.float32))
        out = np.zeros_like(squashed)
        with torch.inference_mode():
            for part in torch.from_numpy(rows).split(2048):
                x = table[part].to(self.device)
                last = sum(network(x)[:, -1] for network in self.networks) / len(self.networks)
                out[part[:, -1].numpy()] = last.double().cpu().numpy()
        return out

    def residuals(self, features: Features) -> Residuals:
        z, squashed = self.inputs(features)
        rebuilt = self._rebuild(features, squashed)
        excess = np.abs(z) - np.abs(squash(z))
        size = np.abs(rebuilt - squashed) + excess
        local = trailing_quantile(size, self.fallback)
        return Residuals(
            ratio=size / local,
            unit=local * self.standard.scale,
            signed=np.nan_to_num(z - rebuilt, nan=0.0),
            usual=rebuilt * self.standard.scale + self.standard.center,
        )

    def fit_tails(self, features: Features, rows: np.ndarray) -> None:
        """Learn the fallback scales and the tails of the residuals on the training rows (mask)."""
        z, squashed = self.inputs(features)
        size = np.abs(self._rebuild(features, squashed) - squashed) + np.abs(z) - np.abs(squash(z))
        known = [s[np.isfinite(s)] for s in size[rows].T]
        quantiles = [float(np.quantile(s, 0.9)) if len(s) else 1.0 for s in known]
        self.fallback = np.maximum(quantiles, 0.02)
        ratio = self.residuals(features).ratio[rows]
        self.tails = tuple(
            Tail.fit(r[np.isfinite(r)], through=(0.97, 0.995), pareto=True) for r in ratio.T
        )

    def decades(self, residuals: Residuals) -> np.ndarray:
        """(rows, features) decades of rarity."""
        return np.column_stack(
            [tail(r) for tail, r in zip(self.tails, residuals.ratio.T, strict=True)]
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "center": self.standard.center.tolist(),
            "scale": self.standard.scale.tolist(),
            "fallback": self.fallback.tolist(),
            "tails": [t.to_json() for t in self.tails],
        }

    @classmethod
    def from_json(
        cls, body: dict[str, Any], networks: list[nn.Module], window: int, device: torch.device
    ) -> NetworkHeads:
        return cls(
            networks,
            Standard(np.array(body["center"]), np.array(body["scale"])),
            window,
            device,
            np.array(body["fallback"]),
            tuple(Tail.from_json(t) for t in body["tails"]),
        )
