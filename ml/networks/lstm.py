"""Price forecasts: an LSTM over the last rows beside a summary of the weeks before them."""

from __future__ import annotations

from torch import nn

from ml.networks.forecast import RecurrentForecaster


class LSTMModel(RecurrentForecaster):
    """Quantiles of the price's move at every horizon."""

    cell = nn.LSTM
