"""A convolutional window autoencoder: it learns what the last rows of a market usually look like.

A narrow code of `latent` numbers cannot carry a fault that training hardly ever showed, so what the
network fails to rebuild of the last row is a measure of strangeness.
Learn from: Malhotra et al. 2016, LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection
(reconstruction error as the score); the layers here are convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml.configs import AnomalyConfig
from ml.registry import register
from ml.spec import ModelSpec, param
from ml.tasks import Task

if TYPE_CHECKING:
    from ml.networks.autoencoder import Autoencoder


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig(AnomalyConfig):
    """Its network shortens a window by two strides of 2: it must be a multiple of 4."""

    window: int = param(16, low=8, high=64, multiple=4, help="Readings that the network looks at.")
    latent: int = param(16, low=2, high=128, help="Numbers in the code of a window.")
    channels: int = param(32, low=4, high=256, help="Channels of the convolutions.")


def build(config: AutoencoderConfig, n_features: int) -> Autoencoder:
    """The untrained network of a config, for `n_features` features."""
    from ml.networks.autoencoder import Autoencoder

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
