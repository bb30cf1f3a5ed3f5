"""What a network that finds anomalies must be able to do; families of detectors build on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.spec import TrainConfig, param


@dataclass(frozen=True, kw_only=True)
class AnomalyConfig(TrainConfig):
    """What every family of detectors has; `build(config, n_features)` makes an AnomalyNetwork."""

    epochs: int = param(8, low=1, high=1000, help="Most passes over the training windows.")
    learning_rate: float = param(3e-3, low=1e-6, high=1.0, help="Peak step size of AdamW.")
    weight_decay: float = param(1e-3, low=0.0, high=1.0, help="Decoupled weight decay of AdamW.")
    patience: int = param(4, low=1, high=1000, help="Epochs without gain before stopping.")
    window: int = param(16, low=8, high=64, help="Readings that the network looks at.")
    members: int = param(2, low=1, high=5, help="Networks from different seeds, averaged.")


class AnomalyNetwork(nn.Module, ABC):
    """Rebuilds windows of squashed, standardised features; what it fails to rebuild of the last row
    is a measure of strangeness."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, time, feature)."""

    def rebuild_last(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, feature): the last row of `forward`. A family that can
        have it for less overrides this."""
        return self(x)[:, -1]

    def loss(self, x: Tensor) -> Tensor:
        """Mean squared error over the window plus, as heavy again, over its last row: the score
        looks at the last row only, the rest of the window is there to give it a context."""
        error = (self(x) - x).square()
        return error.mean() + torch.mean(error[:, -1])
