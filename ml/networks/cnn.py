"""The network of the convolutional recogniser."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ml.networks.pattern import PatternNetwork

_DILATIONS = (1, 2, 4, 8)
#: Ends of the pieces that a channel (asinh of a few scales) is cut into.
_EDGES = (-4.0, -2.5, -1.75, -1.25, -0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9, 1.25, 1.75, 2.5, 4.0)
#: Weight of the straight way from the pieces to a head, so that it learns more slowly.
_STRAIGHT = 0.3
#: Numbers that the heads look at.
EMBEDDING = 32


class _Block(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.GroupNorm(4, channels),
            nn.GELU(),
            nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, time) -> the same shape."""
        return x + self.body(x)


class _Pieces(nn.Module):
    """The newest row in pieces: how far each number has come through each interval, so that the
    heads can turn sharply at the limits that names are cut at.
    Learn from: Gorishniy, Rubachev, Babenko 2022 (piecewise linear encoding)."""

    low: Tensor
    width: Tensor

    def __init__(self) -> None:
        super().__init__()
        edges = torch.tensor(_EDGES)
        self.register_buffer("low", edges[:-1], persistent=False)
        self.register_buffer("width", edges[1:] - edges[:-1], persistent=False)

    def forward(self, row: Tensor) -> Tensor:
        """(batch, feature) -> (batch, feature x pieces), from -.5 to .5."""
        share = ((row[..., None] - self.low) / self.width).clamp(0, 1)
        return share.flatten(1) - 0.5


class CNNModel(PatternNetwork):
    """`classes` names the heads and how many classes each one has; `figures` is the number of
    continuous statistics that are guessed beside them, in training only."""

    embedding_size = EMBEDDING

    def __init__(
        self,
        n_features: int,
        classes: Mapping[str, int],
        *,
        channels: int = 32,
        dropout: float = 0.2,
        figures: int = 1,
    ) -> None:
        super().__init__()
        channels = 4 * (channels // 4)  # GroupNorm wants whole groups
        self.stem = nn.Conv1d(n_features, channels, 5, padding=2)
        self.blocks = nn.Sequential(*(_Block(channels, d) for d in _DILATIONS))
        self.embed = nn.Sequential(
            nn.Linear(4 * channels + n_features + EMBEDDING, EMBEDDING),
            nn.GELU(),
            nn.Dropout(dropout),
        )
        cut = n_features * (len(_EDGES) - 1)
        self.pieces = _Pieces()
        self.digest = nn.Sequential(nn.Dropout(0.1), nn.Linear(cut, EMBEDDING))
        self.straight = nn.ModuleDict({name: nn.Linear(cut, n) for name, n in classes.items()})
        self.heads = nn.ModuleDict({name: nn.Linear(EMBEDDING, n) for name, n in classes.items()})
        self.figures = nn.Linear(EMBEDDING, figures)

    def embedding(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, EMBEDDING)."""
        return self._embed(x, self.pieces(x[:, -1]))

    def _embed(self, x: Tensor, pieces: Tensor) -> Tensor:
        # Padding looks at zeros beyond the window's ends, never at rows that are not in it.
        z = self.blocks(self.stem(x.transpose(1, 2)))
        pooled = [z[..., -1], z[..., -6:].mean(-1), z.mean(-1), z.amax(-1)]
        return self.embed(torch.cat([*pooled, x[:, -1], self.digest(pieces)], dim=1))

    def answers(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """(batch, time, feature) -> head -> logits (batch, class), and (batch, figures)."""
        logits, embedding = self.seen(x)
        return logits, self.figures(embedding)

    def seen(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """(batch, time, feature) -> head -> logits (batch, class), and (batch, EMBEDDING)."""
        pieces = self.pieces(x[:, -1])
        embedding = self._embed(x, pieces)
        logits = {
            name: head(embedding) + _STRAIGHT * self.straight[name](pieces)
            for name, head in self.heads.items()
        }
        return logits, embedding
