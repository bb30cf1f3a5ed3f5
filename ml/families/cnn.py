"""A dilated residual network that names what a market is doing, one head per aspect.

Four residual blocks with dilations 1, 2, 4, 8 see the whole window of 48 rows; the last rows, their
means and the maximum are pooled, so that both "now" and "all day long" reach the heads; the newest
row goes there by itself too, plain and in pieces, and from the pieces straight to the answer.
Learn from: Bai, Kolter, Koltun 2018 (temporal convolutional networks); Cheng et al. 2016 (wide and
deep).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml.configs import PatternConfig
from ml.registry import register
from ml.spec import ModelSpec, param
from ml.tasks import Task

if TYPE_CHECKING:
    from ml.networks.cnn import CNNModel


@dataclass(frozen=True, kw_only=True)
class CNNConfig(PatternConfig):
    """Hyper-parameters of the convolutional recogniser."""

    channels: int = param(32, low=8, high=128, help="Channels of the residual blocks.")
    dropout: float = param(0.2, low=0.0, high=0.9, help="Dropout before the heads.")


def build(
    config: CNNConfig, n_features: int, classes: Mapping[str, int], figures: int = 1
) -> CNNModel:
    """An untrained network (see ml.networks.pattern)."""
    from ml.networks.cnn import CNNModel

    return CNNModel(
        n_features, classes, channels=config.channels, dropout=config.dropout, figures=figures
    )


register(
    ModelSpec(
        name="cnn",
        task=Task.PATTERN,
        title="Convolutional network for market patterns",
        config=CNNConfig,
        build=build,
    )
)
