"""What is learned from together: a market, copies of it, and other markets."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ml.forecast.fitting.dataset import JoinedSamples, Samples


class Mixture:
    """Samples of the market itself, and of copies of it that only training sees."""

    def __init__(self, parts: list[Samples]) -> None:
        """The first of `parts` is the market itself."""
        self.parts = parts
        self.bounds = np.cumsum([0, *(len(part) for part in parts)])
        self.climatology, self.unit = parts[0].climatology, parts[0].unit
        #: How many samples there are of each other market, by its number.
        self.windows: dict[int, int] = {}

    def __len__(self) -> int:
        return int(self.bounds[-1])

    @property
    def static(self) -> np.ndarray:
        """(n, features) unscaled, of what was quoted: no copies."""
        return self.parts[0].static

    def batch(
        self, numbers: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[list[Tensor], ...]:
        """As `Samples.batch`, in the order of the parts."""
        found = []
        for place, (low, high) in enumerate(zip(self.bounds[:-1], self.bounds[1:], strict=True)):
            mine = numbers[(numbers >= low) & (numbers < high)] - low
            if len(mine):
                found.append(self._of(place, mine, rng))
        return tuple(
            [torch.cat(tensors) for tensors in zip(*group, strict=True)]
            for group in zip(*found, strict=True)
        )

    def _of(
        self, place: int, numbers: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[list[Tensor], ...]:
        return self.parts[place].batch(numbers, rng)


class MarketMixture(Mixture):
    """The same beside samples of other markets. A batch's inputs end with the number of each
    sample's market (batch,), 0 for the own one. The own samples are passed several times, so that
    they are at least `own_share` of all."""

    def __init__(self, own: list[Samples], others: JoinedSamples, *, own_share: float) -> None:
        super().__init__([*own, others])
        self.others = others
        numbers, counts = np.unique(others.markets, return_counts=True)
        self.windows = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
        self._own = int(self.bounds[-2])
        wanted = own_share * len(others) / ((1 - own_share) * self._own)
        self._passes = max(1, math.ceil(wanted))

    def __len__(self) -> int:
        return super().__len__() + self._own * (self._passes - 1)

    @property
    def static(self) -> np.ndarray:
        """Of all the markets."""
        return np.concatenate([super().static, self.others.static])

    def batch(
        self, numbers: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[list[Tensor], ...]:
        """As `Mixture.batch`; numbers beyond the samples are further passes of the own ones."""
        again = numbers >= self.bounds[-1]
        folded = np.where(again, (numbers - self.bounds[-1]) % self._own, numbers)
        return super().batch(folded, rng)

    def _of(
        self, place: int, numbers: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[list[Tensor], ...]:
        inputs, wanted = super()._of(place, numbers, rng)
        own = place < len(self.parts) - 1
        markets = np.zeros(len(numbers), int) if own else self.others.markets[numbers]
        return [*inputs, torch.from_numpy(markets).to(inputs[0].device)], wanted
