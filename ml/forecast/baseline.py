"""The last value with quantiles of its own residuals over the last 28 days: what to beat. And what
is served of it: the same, wider where the market is not what it was in those days."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.forecast.metrics import LEVELS, MEDIAN, QuantileForecast, enclosing
from ml.forecast.series import SLOW_DAYS, Series
from ml.forecast.targets import OUTWARD, ROUNDING, Target
from ml.forecast.unrest import LEAST_MONTH, unrest
from ml.tasks import HORIZONS

_LEAST_RESIDUALS = 200
#: How far the moves of a month that rose or fell are taken both ways.
_MIRRORED = 0.75
_FEW_ORIGINS = 16
#: Share of the last price that no quantile of a price falls below.
_LEAST_PRICE = 1e-3


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
    return max(SLOW_DAYS * per_day, LEAST_MONTH)


def last_value(
    series: Series, rows: np.ndarray, target: Target, climatology: list[list[float]]
) -> QuantileForecast:
    """The baseline's forecasts at the origins `rows` (m,), in the unit of the target.

    At origin t the residuals known are those of origins up to t - h. Where fewer than 200 are,
    the climatology of the training part stands in.
    """
    value = series.value
    last = value[rows]
    away = target.moved(last[:, None, None], np.asarray(climatology)) - last[:, None, None]
    few = int(rows.max()) + 1 < _LEAST_RESIDUALS
    for k, horizon in enumerate(() if few else HORIZONS):
        residuals = value - np.concatenate([np.full(horizon, np.nan), value])[: len(value)]
        trailing = _trailing_quantiles(residuals, rows, residual_rows(series.per_day))
        away[:, k] = np.where(np.isfinite(trailing), trailing, away[:, k])
    return _around(last, last[:, None, None] + away, target)


def served_last_value(
    series: Series, rows: np.ndarray, target: Target, climatology: list[list[float]]
) -> QuantileForecast:
    """The baseline as it answers: its quantiles are those of `last_value`, three quarters of the
    way to hold every move in both directions, and wider by the unrest of the last days. What
    forecasts are measured against stays `last_value`."""
    plain = last_value(series, rows, target, climatology)
    last = plain.value[:, :1, None]
    away = plain.quantiles - last
    away += _MIRRORED * (enclosing(away, -away[..., ::-1]) - away)
    away *= unrest(series, rows)[:, None, None]
    return _around(plain.value[:, 0], last + away, target)


def as_wide(quantiles: np.ndarray, base: QuantileForecast, target: Target) -> np.ndarray:
    """(m, horizons, levels) quantiles of which no interval is narrower than that of `base` alike:
    each holds its own and the base's moves from the last value, put about its own centre. Who is
    about another place than the last value is not made to hold that, only to be no surer."""
    last = base.value[..., None]
    shift = quantiles[..., MEDIAN : MEDIAN + 1] - last
    if target.unit == "price":
        # What would reach below the least price is moved less: it is not cut, so its width stays.
        shift = np.maximum(shift, _LEAST_PRICE * last - base.quantiles[..., :1])
    around = base.quantiles + shift
    return enclosing(quantiles, around + OUTWARD * ROUNDING * np.abs(around))


def _around(last: np.ndarray, quantiles: np.ndarray, target: Target) -> QuantileForecast:
    """Quantiles (m, horizons, levels) of which those of a price stay positive."""
    if target.unit == "price":
        quantiles = np.maximum(quantiles, _LEAST_PRICE * last[:, None, None])
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
