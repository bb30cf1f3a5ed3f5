"""A convolutional window autoencoder: it learns what the last rows of a market usually look like.

A narrow code of `latent` numbers cannot carry a fault that training hardly ever showed, so what the
network fails to rebuild of the last row is a measure of strangeness.
Learn from: Malhotra et al. 2016, LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection
(reconstruction error as the score); the layers here are convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ml.anomaly.nets import AnomalyConfig, AnomalyNetwork
from ml.registry import register
from ml.spec import ModelSpec, param
from ml.tasks import Task


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig(AnomalyConfig):
    """Its network shortens a window by two strides of 2: it must be a multiple of 4."""

    window: int = param(16, low=8, high=64, multiple=4, help="Readings that the network looks at.")
    latent: int = param(16, low=2, high=128, help="Numbers in the code of a window.")
    channels: int = param(32, low=4, high=256, help="Channels of the convolutions.")


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
        return self.widen(code).view(len(x), self.channels, self.short)


def build(config: AutoencoderConfig, n_features: int) -> Autoencoder:
    """The untrained network of a config, for `n_features` features."""
    return Autoencoder(
        n_features, window=config.window, latent=config.latent, channels=config.channels
    )


register(
    ModelSpec(
        name="autoencoder",
        task=Task.ANOMALY,
        title="Window autoencoder for anomalies",
        config=AutoencoderConfig,
        build=build,
    )
)
