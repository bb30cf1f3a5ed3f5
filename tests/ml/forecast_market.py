"""A toy market for the tests of ml.forecast: a random walk with a spread that follows the day."""

from __future__ import annotations

import numpy as np
import pandas as pd


def make_quotes(rows: int = 1600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = pd.date_range("2025-01-01", periods=rows, freq="30min", tz="UTC")
    mid = 10 * np.exp(np.cumsum(rng.normal(0, 0.002, rows)))
    wave = 0.5 + 0.3 * np.sin(np.arange(rows) * 2 * np.pi / 48) + rng.normal(0, 0.05, rows)
    return pd.DataFrame({"bid": mid * (1 - wave / 200), "ask": mid * (1 + wave / 200)}, index=index)
