"""The network of the window autoencoder."""

from __future__ import annotations

from torch import Tensor, nn

from ml.anomaly.nets import AnomalyNetwork


class Autoencoder(AnomalyNetwork):
    """Rebuilds a window of squashed, standardised features through a code of `latent` numbers.

    `window` must be a multiple of 4: two convolutions of stride 2 shorten it. Raises ValueError.
    """

    def __init__(
        self, n_features: int, *, window: int = 16, latent: int = 16, channels: int = 32
    ) -> None:
        super().__init__()
        if window % 4:
            raise ValueError(f"the window must be a multiple of 4, not {window}")
        self.short, self.channels = window // 4, channels
        self.encode = nn.Sequential(
            nn.Conv1d(n_features, channels, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(channels, channels, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Conv1d(channels, channels, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(channels * self.short, latent),
        )
        self.widen = nn.Linear(latent, channels * self.short)
        self.decode = nn.Sequential(
            nn.GELU(),
            nn.ConvTranspose1d(channels, channels, 4, stride=2, padding=1),
            nn.GELU(),
            nn.ConvTranspose1d(channels, channels, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Conv1d(channels, n_features, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, time, feature)."""
        return self.decode(self._widened(x)).transpose(1, 2)

    def rebuild_last(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, feature): the last row of `forward` at half the price.
        No layer of the decoder looks further back than one place of its input."""
        places = self._widened(x)
        for layer in self.decode:
            places = layer(places[..., -2:])
        return places[..., -1]

    def _widened(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, channel, time / 4)."""
        code = self.encode(x.transpose(1, 2))
        return self.widen(code).view(-1, self.channels, self.short)
