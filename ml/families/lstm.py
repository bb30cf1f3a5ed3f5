"""Price forecasts: an LSTM over the last rows beside a summary of the weeks before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml.configs import RecurrentConfig, Sizes
from ml.registry import register
from ml.spec import ModelSpec
from ml.tasks import Task

if TYPE_CHECKING:
    from ml.networks.lstm import LSTMModel


def build(config: RecurrentConfig, sizes: Sizes) -> LSTMModel:
    """An untrained network (see ml.networks.forecast)."""
    from ml.networks.lstm import LSTMModel

    return LSTMModel.from_config(config, sizes)


register(
    ModelSpec(
        name="lstm",
        task=Task.PRICE,
        title="LSTM price forecaster",
        config=RecurrentConfig,
        build=build,
    )
)
