"""Toy markets for tests of `ml`: quotes frames out of a seed, half an hour between rows; and how a
forecaster of either task is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ml.predictor import DLPredictor
from ml.results import Forecast
from ml.tasks import Task


def wandering_market(rows: int = 1600, seed: int = 0) -> pd.DataFrame:
    """A random walk of bid and ask with a spread that follows the day."""
    rng = np.random.default_rng(seed)
    mid = 10 * np.exp(np.cumsum(rng.normal(0, 0.002, rows)))
    wave = 0.5 + 0.3 * np.sin(np.arange(rows) * 2 * np.pi / 48) + rng.normal(0, 0.05, rows)
    sides = {"bid": mid * (1 - wave / 200), "ask": mid * (1 + wave / 200)}
    # Microseconds are what pandas makes of a file; `ml` takes any unit.
    return pd.DataFrame(sides, index=_half_hours(rows).as_unit("us"))


def seasonal_market(rows: int = 1600, seed: int = 0) -> pd.DataFrame:
    """Price and spread both follow the day: whoever learns anything beats the last value."""
    rng = np.random.default_rng(seed)
    day = np.sin(np.arange(rows) * 2 * np.pi / 48)
    mid = 10 * np.exp(0.01 * day + rng.normal(0, 0.001, rows))
    wave = 0.5 + 0.3 * day + rng.normal(0, 0.05, rows)
    sides = {"bid": mid * (1 - wave / 200), "ask": mid * (1 + wave / 200)}
    return pd.DataFrame(sides, index=_half_hours(rows).as_unit("us"))


def ask(predictor: DLPredictor, quotes: pd.DataFrame, **options: Any) -> Forecast:
    """The forecast of a model of the price or of the spread."""
    if predictor.task is Task.PRICE:
        return predictor.predict_price(quotes, **options)
    return predictor.predict_spread(quotes, **options)


def calm_market(rows: int = 2600, *, seed: int = 0, price_only: bool = False) -> pd.DataFrame:
    """A calm random walk around 10 with a spread of about one percent and a noisy book."""
    rng = np.random.default_rng(seed)
    mid = 10 * np.exp(np.cumsum(rng.normal(0, 0.001, rows)))
    if price_only:
        return pd.DataFrame({"price": mid}, index=_half_hours(rows))
    half = 0.005 * np.exp(rng.normal(0, 0.05, rows))
    sizes = np.exp(rng.normal(9, 0.15, (rows, 2)))
    return _book(mid, half, sizes[:, 0], sizes[:, 1])


def regime_market(rows: int = 2600, *, seed: int = 0, price_only: bool = False) -> pd.DataFrame:
    """Trends of three days up, down and sideways, in turns calm and volatile."""
    rng = np.random.default_rng(seed)
    phase = np.arange(rows) // 144
    drift = rng.choice([-1, 0, 1], phase.max() + 1)[phase] * 0.0012
    wild = rng.choice([0.001, 0.003], phase.max() + 1)[phase]
    mid = 10 * np.exp(np.cumsum(drift + wild * rng.normal(size=rows)))
    if price_only:
        return pd.DataFrame({"price": mid}, index=_half_hours(rows))
    half = 0.005 * np.exp(0.3 * np.sin(np.arange(rows) / 200) + rng.normal(0, 0.05, rows))
    size = np.exp(9 + 0.5 * np.cos(np.arange(rows) / 150) + rng.normal(0, 0.1, rows))
    return _book(mid, half, size, size * 1.1)


def _half_hours(rows: int) -> pd.DatetimeIndex:
    return pd.date_range("2025-01-01", periods=rows, freq="30min", tz="UTC").as_unit("ns")


def _book(
    mid: np.ndarray, half: np.ndarray, bid_volume: np.ndarray, ask_volume: np.ndarray
) -> pd.DataFrame:
    """Both sides at `half` of the spread from the middle, as a share of it."""
    columns = {"bid": mid * (1 - half), "ask": mid * (1 + half)}
    volumes = {"bid_volume": bid_volume, "ask_volume": ask_volume}
    return pd.DataFrame({**columns, **volumes}, index=_half_hours(len(mid)))
