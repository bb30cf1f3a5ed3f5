"""What a network that names patterns must be able to do, on which families of recognisers build;
and all networks of a recogniser as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn


class PatternNetwork(nn.Module, ABC):
    """`embedding_size` is how many numbers `embedding` answers with."""

    embedding_size: int

    @abstractmethod
    def answers(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """(batch, time, feature) -> head -> logits (batch, class), and the guessed figures (batch,
        figures), which training alone looks at."""

    @abstractmethod
    def embedding(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, embedding_size): by which similar moments are found."""

    def seen(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """(batch, time, feature) -> what `forward` says, and what `embedding` does. A network that
        needs one for the other does both in one pass."""
        return self.answers(x)[0], self.embedding(x)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(batch, time, feature) -> head -> logits (batch, class)."""
        return self.answers(x)[0]


def both_ways(
    network: PatternNetwork, x: Tensor, mirror: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """Logits: mean of the market as it is and upside down (there "up" reads "down"); and the
    embedding of the market as it is."""
    both, embedding = network.seen(torch.cat([x, x * mirror]))
    plain, turned = ({h: both[h].tensor_split(2)[side] for h in both} for side in (0, 1))
    turned["movement"] = turned["movement"].flip(1)
    logits = {head: (plain[head] + turned[head]) / 2 for head in plain}
    return logits, embedding.tensor_split(2)[0]


class Together(nn.Module):
    """All networks of a recogniser, each asked both ways."""

    mirror: Tensor

    def __init__(
        self, networks: Sequence[PatternNetwork], mirror: Tensor, heads: Sequence[str]
    ) -> None:
        super().__init__()
        self.networks, self.heads = nn.ModuleList(networks), tuple(heads)
        self.register_buffer("mirror", mirror)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(batch, time, channel) -> the networks' mean logits (batch, class) of each head, and
        their embeddings (batch, numbers) side by side."""
        networks = [cast(PatternNetwork, network) for network in self.networks]
        answers = [both_ways(network, x, self.mirror) for network in networks]
        logits = [torch.stack([said[head] for said, _ in answers]).mean(0) for head in self.heads]
        return *logits, torch.cat([look for _said, look in answers], dim=1)
