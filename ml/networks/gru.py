"""Spread forecasts: a GRU over the last rows beside a summary of the weeks before them."""

from __future__ import annotations

from torch import nn

from ml.networks.forecast import RecurrentForecaster


class GRUModel(RecurrentForecaster):
    """Quantiles of the spread's move at every horizon."""

    cell = nn.GRU
