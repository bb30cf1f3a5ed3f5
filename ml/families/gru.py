"""Spread forecasts: a GRU over the last rows beside a summary of the weeks before them."""

from __future__ import annotations

from torch import nn

from ml.forecast.nets import RecurrentConfig, RecurrentForecaster
from ml.registry import register
from ml.spec import ModelSpec
from ml.tasks import Task


class GRUModel(RecurrentForecaster):
    """Quantiles of the spread's move at every horizon."""

    cell = nn.GRU


register(
    ModelSpec(
        name="gru",
        task=Task.SPREAD,
        title="GRU spread forecaster",
        config=RecurrentConfig,
        build=GRUModel.from_config,
    )
)
