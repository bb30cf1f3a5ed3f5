"""What a network that forecasts must be able to do, building blocks for it, and the arithmetic of
its answers.

A network answers, per horizon, with the logit of P(the quote changes) and with ascending quantiles
(*knots*) of the move if it does, in trailing scales. The forecast mixes the move with an atom at
the last value: quotes often do not change at all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.spec import TrainConfig, param

N_KNOTS = 21
KNOT_LEVELS = (np.arange(N_KNOTS) + 0.5) / N_KNOTS


@dataclass(frozen=True, kw_only=True)
class ForecastConfig(TrainConfig):
    """What every family of forecasters has; `build(config, sizes)` makes a ForecastNetwork."""

    epochs: int = param(8, low=1, high=1000, help="Most passes over the training windows.")
    learning_rate: float = param(4e-3, low=1e-6, high=1.0, help="Peak step size of AdamW.")
    window: int = param(24, low=8, high=512, help="Grid rows that the network sees.")
    members: int = param(2, low=1, high=10, help="Networks averaged, each with its own seed.")


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig(ForecastConfig):
    """What the recurrent families have beside it."""

    hidden: int = param(32, low=4, high=512, help="Units of the recurrent net.")
    width: int = param(64, low=4, high=1024, help="Units per layer of the summary branch.")
    dropout: float = param(0.1, low=0.0, high=0.9, help="Share of units dropped in training.")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What the data decides about a network's shape."""

    channels: int
    static: int
    paths: int
    horizons: int


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
    def from_config(cls, config: RecurrentConfig, sizes: Sizes) -> RecurrentForecaster:
        """An untrained network: the `build` of a ModelSpec."""
        return cls(sizes, hidden=config.hidden, width=config.width, dropout=config.dropout)


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


def mixture_quantiles(change: np.ndarray, knots: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(m, horizons, levels) quantiles of: 0 with probability 1 - change, else a move.

    `change` (m, horizons), `knots` (m, horizons, N_KNOTS) ascending. Beyond the outer knots the
    outermost slopes go on for half a knot, then stop.
    """
    change = np.minimum(np.maximum(change, 1e-6), 1.0)[..., None]
    below = _level_of_zero(knots)[..., None]
    low = change * below
    inner = np.where(levels < low, levels / change, (levels - (1 - change)) / change)
    values = _knot_values(knots, np.minimum(np.maximum(inner, 0.0), 1.0))
    return np.where((levels >= low) & (levels <= low + 1 - change), 0.0, values)


def _level_of_zero(knots: np.ndarray) -> np.ndarray:
    """(m, horizons) P(move < 0), linear between knots."""
    place = (knots < 0).sum(axis=-1, keepdims=True)
    left = np.minimum(np.maximum(place - 1, 0), N_KNOTS - 2)
    a, b = _beside(knots, left)
    share = np.minimum(np.maximum(-a / np.maximum(b - a, 1e-12), -0.5), 1.5)
    found: np.ndarray = ((left + 0.5 + share) / N_KNOTS)[..., 0]
    return found


def _knot_values(knots: np.ndarray, levels: np.ndarray) -> np.ndarray:
    place = np.minimum(np.maximum(levels * N_KNOTS - 0.5, -0.5), N_KNOTS - 0.5)
    left = np.minimum(np.maximum(np.floor(place), 0), N_KNOTS - 2).astype(int)
    a, b = _beside(knots, left)
    return a + (place - left) * (b - a)


def _beside(knots: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The knots of the numbers `left` (m, horizons, k), and those after them."""
    at = np.arange(0, knots.size, N_KNOTS).reshape(*knots.shape[:-1], 1) + left
    flat = knots.ravel()
    return flat[at], flat[at + 1]
