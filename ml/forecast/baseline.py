"""The last value with quantiles of its own residuals over the last 28 days: what to beat."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.forecast.metrics import LEVELS, QuantileForecast
from ml.forecast.series import SLOW_DAYS, Series
from ml.forecast.targets import Target
from ml.tasks import HORIZONS

_LEAST_RESIDUALS = 200
#: Rows that the residuals come from at least, where 28 days are fewer.
_LEAST_ROWS = 300
_FEW_ORIGINS = 16


def residual_climatology(encoded: np.ndarray) -> list[list[float]]:
    """(horizons, levels) quantiles of the moves of a training part, in the encoded unit (percent);
    `encoded` is its series (n,)."""
    table = []
    for horizon in HORIZONS:
        moves = encoded[horizon:] - encoded[:-horizon]
        moves = moves[np.isfinite(moves)]
        found = np.quantile(moves, LEVELS) if len(moves) else np.zeros(len(LEVELS))
        table.append([float(x) for x in found])
    return table


def residual_rows(per_day: int) -> int:
    """Grid rows whose residuals make an interval: 28 days, or more where they are few rows."""
    return max(SLOW_DAYS * per_day, _LEAST_ROWS)


def last_value(
    series: Series, rows: np.ndarray, target: Target, climatology: list[list[float]]
) -> QuantileForecast:
    """The baseline's forecasts at the origins `rows` (m,), in the unit of the target.

    At origin t the residuals known are those of origins up to t - h. Where fewer than 200 are,
    the climatology of the training part stands in.
    """
    value = series.value
    last = value[rows]
    quantiles = np.empty((len(rows), len(HORIZONS), len(LEVELS)))
    for k, horizon in enumerate(HORIZONS):
        residuals = value - np.concatenate([np.full(horizon, np.nan), value])[: len(value)]
        trailing = _trailing_quantiles(residuals, rows, residual_rows(series.per_day))
        absent = target.moved(last[:, None], np.asarray(climatology[k])) - last[:, None]
        quantiles[:, k] = last[:, None] + np.where(np.isfinite(trailing), trailing, absent)
    if target.unit == "price":
        quantiles = np.maximum(quantiles, 1e-3 * last[:, None, None])
    return QuantileForecast(np.repeat(last[:, None], len(HORIZONS), axis=1), quantiles)


def _trailing_quantiles(residuals: np.ndarray, rows: np.ndarray, window: int) -> np.ndarray:
    """(m, levels) quantiles of the residuals known at each of `rows`; NaN where too few are."""
    if len(rows) > _FEW_ORIGINS:
        start = max(0, int(rows.min()) - window)
        rolling = pd.Series(residuals[start:]).rolling(window, min_periods=_LEAST_RESIDUALS)
        return np.stack([rolling.quantile(p).to_numpy()[rows - start] for p in LEVELS], axis=1)
    found = np.full((len(rows), len(LEVELS)), np.nan)
    for place, row in enumerate(rows):
        part = residuals[max(0, row + 1 - window) : row + 1]
        part = part[np.isfinite(part)]
        if len(part) >= _LEAST_RESIDUALS:
            found[place] = np.quantile(part, LEVELS)
    return found
