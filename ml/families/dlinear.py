"""Price and spread forecasts without a recurrent net: a linear layer each for the trend of the last
rows and for what it leaves, beside the summaries of the weeks before them.

Learn from: Zeng, Chen, Zhang, Xu 2023, "Are Transformers Effective for Time Series Forecasting?"
(DLinear). Their moving average looks both ways inside the window; this one looks back only.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.forecast.nets import ForecastConfig, ForecastNetwork, HurdleHead, Sizes
from ml.registry import register
from ml.spec import ModelSpec, param
from ml.tasks import Task


@dataclass(frozen=True, kw_only=True)
class DLinearConfig(ForecastConfig):
    """What the family has beside the shared parameters."""

    window: int = param(48, low=8, high=512, help="Grid rows that the network sees.")
    trend: int = param(12, low=1, high=512, help="Rows of the mean that is the trend.")
    width: int = param(8, low=1, high=256, help="Numbers that a channel becomes.")
    dropout: float = param(0.1, low=0.0, high=0.9, help="Share of units dropped in training.")


class DLinearModel(ForecastNetwork):
    """Quantiles of the move at every horizon, of sums over the window. All channels share the two
    layers; only the head bends what they say."""

    average: Tensor

    def __init__(self, config: DLinearConfig, sizes: Sizes) -> None:
        super().__init__()
        self.register_buffer("average", trailing_mean(config.window, config.trend), False)
        self.trend = nn.Linear(config.window, config.width)
        self.remainder = nn.Linear(config.window, config.width)
        inputs = sizes.channels * config.width + sizes.static
        self.head = HurdleHead(inputs, sizes, config.dropout)

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


for task in (Task.PRICE, Task.SPREAD):
    register(
        ModelSpec(
            name="dlinear",
            task=task,
            title=f"Decomposed linear {task} forecaster",
            config=DLinearConfig,
            build=DLinearModel,
        )
    )
