"""What a network that finds anomalies must be able to do, on which families of detectors build; and
all networks of a detector as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn


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


class Together(nn.Module):
    """The mean over the networks of a detector."""

    def __init__(self, networks: Sequence[AnomalyNetwork]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, feature): the rebuilt last row."""
        last = [cast(AnomalyNetwork, network).rebuild_last(x) for network in self.networks]
        return torch.stack(last).mean(0)
