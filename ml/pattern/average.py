"""The running mean of a network's weights while it learns: steadier than any one step's weights.

Learn from: Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightMean:
    """Exponential mean of the weights of `network`, a step at a time.

    The loop calls `learn` before every batch and `judge` before every validation; in between the
    network holds its own weights while it learns and their mean while it is judged, so that the
    loop keeps the mean of its best epoch. `decay` 0 judges the weights themselves.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay, self.steps = network, decay, -1
        self.mean = self._copy()
        self.own: list[Tensor] | None = None

    def learn(self) -> None:
        if self.own is not None:
            self._put(self.own)
            self.own = None
        else:
            self._count()

    def judge(self) -> None:
        self._count()
        self.own = self._copy()
        self._put(self.mean)

    @torch.no_grad()
    def _count(self) -> None:
        self.steps += 1
        # The first steps are far from where the mean should be: it forgets them faster.
        keep = min(self.decay, self.steps / (10 + self.steps))
        for mean, weight in zip(self.mean, self.network.parameters(), strict=True):
            mean.lerp_(weight, 1 - keep)

    def _copy(self) -> list[Tensor]:
        return [p.detach().clone() for p in self.network.parameters()]

    @torch.no_grad()
    def _put(self, values: list[Tensor]) -> None:
        for weight, value in zip(self.network.parameters(), values, strict=True):
            weight.copy_(value)
