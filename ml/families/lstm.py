"""Price forecasts: an LSTM over the last rows beside a summary of the weeks before them."""

from __future__ import annotations

from torch import nn

from ml.forecast.nets import RecurrentConfig, RecurrentForecaster
from ml.registry import register
from ml.spec import ModelSpec
from ml.tasks import Task


class LSTMModel(RecurrentForecaster):
    """Quantiles of the price's move at every horizon."""

    cell = nn.LSTM


register(
    ModelSpec(
        name="lstm",
        task=Task.PRICE,
        title="LSTM price forecaster",
        config=RecurrentConfig,
        build=LSTMModel.from_config,
    )
)
