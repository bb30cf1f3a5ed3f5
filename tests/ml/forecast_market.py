"""Toy markets for the tests of ml.forecast, and how a forecaster of either task is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ml.predictor import DLPredictor
from ml.results import Forecast
from ml.tasks import Task


def make_quotes(rows: int = 1600, seed: int = 0) -> pd.DataFrame:
    """A random walk with a spread that follows the day."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("2025-01-01", periods=rows, freq="30min", tz="UTC")
    mid = 10 * np.exp(np.cumsum(rng.normal(0, 0.002, rows)))
    wave = 0.5 + 0.3 * np.sin(np.arange(rows) * 2 * np.pi / 48) + rng.normal(0, 0.05, rows)
    return pd.DataFrame({"bid": mid * (1 - wave / 200), "ask": mid * (1 + wave / 200)}, index=index)


def seasonal_quotes(rows: int = 1600, seed: int = 0) -> pd.DataFrame:
    """Price and spread both follow the day: whoever learns anything beats the last value."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("2025-01-01", periods=rows, freq="30min", tz="UTC")
    day = np.sin(np.arange(rows) * 2 * np.pi / 48)
    mid = 10 * np.exp(0.01 * day + rng.normal(0, 0.001, rows))
    wave = 0.5 + 0.3 * day + rng.normal(0, 0.05, rows)
    return pd.DataFrame({"bid": mid * (1 - wave / 200), "ask": mid * (1 + wave / 200)}, index=index)


def ask(predictor: DLPredictor, quotes: pd.DataFrame, **options: Any) -> Forecast:
    """The forecast of a model of the price or of the spread."""
    if predictor.task is Task.PRICE:
        return predictor.predict_price(quotes, **options)
    return predictor.predict_spread(quotes, **options)
