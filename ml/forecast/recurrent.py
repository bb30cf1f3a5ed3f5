"""What the price and the spread network share: all but the recurrent cell."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.forecast.nets import HurdleHead, Sizes, SummaryBranch
from ml.spec import TrainConfig, param


@dataclass(frozen=True, kw_only=True)
class ForecastConfig(TrainConfig):
    epochs: int = param(8, low=1, high=1000, help="Most passes over the training windows.")
    learning_rate: float = param(4e-3, low=1e-6, high=1.0, help="Peak step size of AdamW.")
    window: int = param(24, low=8, high=512, help="Grid rows that the recurrent net sees.")
    hidden: int = param(32, low=4, high=512, help="Units of the recurrent net.")
    width: int = param(64, low=4, high=1024, help="Units per layer of the summary branch.")
    dropout: float = param(0.1, low=0.0, high=0.9, help="Share of units dropped in training.")
    members: int = param(2, low=1, high=10, help="Networks averaged, each with its own seed.")


class RecurrentForecaster(nn.Module):
    """A recurrent net over the last rows beside a summary of the weeks before them; a subclass
    says which cell."""

    cell: type[nn.RNNBase]

    def __init__(self, sizes: Sizes, *, hidden: int, width: int, dropout: float) -> None:
        super().__init__()
        self.recurrent = self.cell(sizes.channels, hidden, batch_first=True)
        self.summary = SummaryBranch(sizes.static, width, dropout)
        self.head = HurdleHead(hidden + width, sizes, dropout)

    def forward(self, window: Tensor, static: Tensor, paths: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, time, channel), (batch, feature), (batch, horizon, path) -> logits of a change
        (batch, horizon) and ascending quantiles of the move (batch, horizon, knot)."""
        states, _ = self.recurrent(window)
        joined = torch.cat([states[:, -1], self.summary(static)], dim=1)
        return self.head(joined, paths)

    @classmethod
    def from_config(cls, config: ForecastConfig, sizes: Sizes) -> RecurrentForecaster:
        return cls(sizes, hidden=config.hidden, width=config.width, dropout=config.dropout)
