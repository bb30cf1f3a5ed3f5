"""Spread forecasts: a GRU over the last rows beside a summary of the weeks before them."""

from __future__ import annotations

from torch import nn

from ml.forecast.metrics import METRICS
from ml.forecast.recurrent import ForecastConfig, RecurrentForecaster
from ml.registry import register
from ml.spec import ModelSpec, Task


class GRUModel(RecurrentForecaster):
    """Quantiles of the spread's move at every horizon."""

    cell = nn.GRU


register(
    ModelSpec(
        name="gru",
        task=Task.SPREAD,
        title="GRU spread forecaster",
        config=ForecastConfig,
        build=GRUModel.from_config,
        pipeline="ml.forecast.pipeline",
        baseline="last_value",
        primary="crps",
        metrics=METRICS,
    )
)
