"""What a network that forecasts must be able to do, and building blocks for it.

A network answers, per horizon, with the logit of P(the quote changes) and with ascending quantiles
(*knots*) of the move if it does, in trailing scales; ml.forecast.ensemble makes a forecast of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.configs import RecurrentConfig, Sizes
from ml.tasks import KNOT_LEVELS, N_KNOTS


class SummaryBranch(nn.Module):
    """The static summaries of what lies before the window."""

    def __init__(self, n_static: int, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_static, width),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.SiLU(),
        )

    def forward(self, static: Tensor) -> Tensor:
        """(batch, features) -> (batch, width)."""
        return self.layers(static)


class HurdleHead(nn.Module):
    """Logit of a change and monotone quantiles of the move, around gated linear paths: a hurdle
    model (Cragg 1971) whose amount is a quantile function."""

    def __init__(self, n_inputs: int, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.horizons, self.n_paths = sizes.horizons, sizes.paths
        self.drop = nn.Dropout(dropout)
        self.change = nn.Linear(n_inputs, sizes.horizons)
        self.knots = nn.Linear(n_inputs, sizes.horizons * N_KNOTS)
        self.gate = nn.Linear(n_inputs, sizes.horizons * sizes.paths)
        self.weight = nn.Parameter(torch.zeros(sizes.horizons, sizes.paths))
        for layer in (self.knots, self.gate):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def start_from(self, change_rate: Tensor, knots: Tensor) -> None:
        """Begin at the climatology: rates of change (horizons,), knots of moves (horizons, k)."""
        with torch.no_grad():
            self.change.bias.copy_(torch.logit(change_rate.clamp(0.01, 0.99)))
            steps = knots.diff(dim=1).clamp_min(1e-3)
            bias = self.knots.bias.view(self.horizons, N_KNOTS)
            bias[:, 0] = knots[:, N_KNOTS // 2]
            # The inverse of softplus, which is its own argument where that is large: exp overflows.
            inverse = torch.log(torch.expm1(steps.clamp_max(20)))
            bias[:, 1:] = torch.where(steps > 20, steps, inverse)

    def forward(self, hidden: Tensor, paths: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, inputs), (batch, horizons, paths) -> logits (batch, horizons) and ascending
        knots (batch, horizons, N_KNOTS)."""
        hidden = self.drop(hidden)
        raw = self.knots(hidden).view(-1, self.horizons, N_KNOTS)
        gate = torch.sigmoid(self.gate(hidden).view(-1, self.horizons, self.n_paths))
        centre = raw[..., :1] + (2 * gate * self.weight * paths).sum(-1, keepdim=True)
        steps = functional.softplus(raw[..., 1:])
        half = N_KNOTS // 2
        below = steps[..., :half].flip(-1).cumsum(-1).flip(-1)
        above = steps[..., half:].cumsum(-1)
        return self.change(hidden), torch.cat([centre - below, centre, centre + above], dim=-1)


class ForecastNetwork(nn.Module, ABC):
    """The one thing a family of forecasters must be: a network that ends in a HurdleHead."""

    head: HurdleHead

    @abstractmethod
    def forward(self, window: Tensor, static: Tensor, paths: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, time, channel), (batch, feature), (batch, horizon, path) -> logits of a change
        (batch, horizon) and ascending quantiles of the move (batch, horizon, knot)."""


class PanelNetwork(ForecastNetwork):
    """What a family that learns from other markets must be: it is told which market is which, and
    answers for the own one where nobody says."""

    @abstractmethod
    def forward(
        self, window: Tensor, static: Tensor, paths: Tensor, market: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As ForecastNetwork has it; `market` (batch,) whole numbers, 0 the own one."""


class RecurrentForecaster(ForecastNetwork):
    """A recurrent net over the last rows (Hochreiter and Schmidhuber 1997; Cho et al. 2014) beside
    a summary of the weeks before them; a subclass says which cell."""

    cell: type[nn.LSTM] | type[nn.GRU]

    def __init__(self, sizes: Sizes, *, hidden: int, width: int, dropout: float) -> None:
        super().__init__()
        self.recurrent = self.cell(sizes.channels, hidden, batch_first=True)
        self.summary = SummaryBranch(sizes.static, width, dropout)
        self.head = HurdleHead(hidden + width, sizes, dropout)

    def forward(self, window: Tensor, static: Tensor, paths: Tensor) -> tuple[Tensor, Tensor]:
        """As ForecastNetwork has it."""
        states, _ = self.recurrent(window)
        joined = torch.cat([states[:, -1], self.summary(static)], dim=1)
        return self.head(joined, paths)

    @classmethod
    def from_config(cls, config: RecurrentConfig, sizes: Sizes) -> Self:
        """An untrained network."""
        return cls(sizes, hidden=config.hidden, width=config.width, dropout=config.dropout)


class Together(nn.Module):
    """All members of an ensemble on the same inputs, one after the other along the batch."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, window: Tensor, static: Tensor, paths: Tensor) -> tuple[Tensor, Tensor]:
        """As ForecastNetwork has it, for (members x batch, ...)."""
        logits, knots = zip(*(m(window, static, paths) for m in self.members), strict=True)
        return torch.cat(logits), torch.cat(knots)


def hurdle_loss(
    logit: Tensor,
    knots: Tensor,
    move: Tensor,
    changed: Tensor,
    weight: Tensor,
    unit: Tensor,
) -> Tensor:
    """Pinball loss (Koenker and Bassett 1978) of the knots where the quote changed, weighted, plus
    the cross-entropy of the change. `move` (batch, horizons) in scales is NaN where unknown;
    `weight` (batch, 1); `unit` (horizons,) is a typical move of each horizon, so that the longest
    does not drown the rest."""
    known = torch.isfinite(move)
    error = torch.nan_to_num(move)[..., None] - knots
    levels = torch.as_tensor(KNOT_LEVELS, dtype=knots.dtype, device=knots.device)
    pinball = 2 * torch.maximum(levels * error, (levels - 1) * error).mean(-1)
    count = known.sum().clamp_min(1)
    moved = (pinball * weight / unit)[known & changed].sum() / count
    entropy = functional.binary_cross_entropy_with_logits(
        logit[known], changed[known].to(logit.dtype)
    )
    return moved + 0.15 * entropy
