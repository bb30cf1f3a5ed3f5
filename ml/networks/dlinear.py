"""The network of the decomposed linear forecasters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ml.configs import Sizes
from ml.networks.forecast import ForecastNetwork, HurdleHead


class DLinearModel(ForecastNetwork):
    """Quantiles of the move at every horizon, of sums over the window. All channels share the two
    layers; only the head bends what they say."""

    average: Tensor

    def __init__(
        self, sizes: Sizes, *, window: int, trend: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.register_buffer("average", trailing_mean(window, trend), False)
        self.trend = nn.Linear(window, width)
        self.remainder = nn.Linear(window, width)
        inputs = sizes.channels * width + sizes.static
        self.head = HurdleHead(inputs, sizes, dropout)

    def forward(self, window: Tensor, static: Tensor, paths: Tensor) -> tuple[Tensor, Tensor]:
        """As ForecastNetwork has it."""
        trend = self.average @ window  # (batch, time, channel)
        remainder = window - trend
        sums = self.trend(trend.transpose(1, 2)) + self.remainder(remainder.transpose(1, 2))
        return self.head(torch.cat([sums.flatten(1), static], dim=1), paths)


def trailing_mean(rows: int, span: int) -> Tensor:
    """(rows, rows) matrix that turns a column of values into the means of the last `span` of them,
    of fewer at the start."""
    ago = torch.arange(rows)[:, None] - torch.arange(rows)
    inside = ((ago >= 0) & (ago < span)).float()
    return inside / inside.sum(dim=1, keepdim=True)
