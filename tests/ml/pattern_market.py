"""A market of regimes, for the tests of the pattern task."""

from __future__ import annotations

import numpy as np
import pandas as pd


def market(rows: int = 2600, *, seed: int = 0, price_only: bool = False) -> pd.DataFrame:
    """Trends of three days up, down and sideways, in turns calm and volatile."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("2025-01-01", periods=rows, freq="30min", tz="UTC").as_unit("ns")
    phase = np.arange(rows) // 144
    drift = rng.choice([-1, 0, 1], phase.max() + 1)[phase] * 0.0012
    wild = rng.choice([0.001, 0.003], phase.max() + 1)[phase]
    mid = 10 * np.exp(np.cumsum(drift + wild * rng.normal(size=rows)))
    if price_only:
        return pd.DataFrame({"price": mid}, index=index)
    half = 0.005 * np.exp(0.3 * np.sin(np.arange(rows) / 200) + rng.normal(0, 0.05, rows))
    size = np.exp(9 + 0.5 * np.cos(np.arange(rows) / 150) + rng.normal(0, 0.1, rows))
    columns = {"bid": mid * (1 - half), "ask": mid * (1 + half)}
    return pd.DataFrame({**columns, "bid_volume": size, "ask_volume": size * 1.1}, index=index)
