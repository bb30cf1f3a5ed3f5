"""Quotes stand on ticks: a forecast is rounded to where a quote can be.

The tick is learnt in training. A row whose own last value is no multiple of it is left alone: the
market may quote more finely by then.
"""

from __future__ import annotations

import numpy as np

from ml.forecast.metrics import LEVELS
from ml.forecast.series import SLOW_DAYS, Series
from ml.tasks import Task

_CANDIDATES = tuple(m * 10.0**e for e in range(2, -5, -1) for m in (5, 2, 1))
_SHARE = 0.95
_EXACT = 1e-4
_FAR = 1.0  # ticks: outer quantiles further out stay as they are, or they would cover too little
_OUTER = (LEVELS < 0.2) | (LEVELS > 0.8)
_OUTWARD = np.sign(LEVELS - 0.5)
#: A hair's breadth: ticks, and share of the value, which is more than ten digits round off.
_HAIR, _ROUNDING = 1e-5, 1e-9


def find_tick(prices: np.ndarray) -> float:
    """The largest step of which nearly all known prices are multiples; 0 where there is none."""
    prices = prices[np.isfinite(prices)]
    for tick in _CANDIDATES:
        if len(prices) and (_off(prices / tick) < _EXACT).mean() >= _SHARE:
            return tick
    return 0.0


def _off(steps: np.ndarray) -> np.ndarray:
    return np.abs(steps - np.round(steps))


def training_tick(sides: np.ndarray, series: Series, stop: int) -> float:
    """The tick of the grid's prices (n, sides) in the last weeks before the row `stop`."""
    return find_tick(sides[max(0, stop - SLOW_DAYS * series.per_day) : stop])


def row_ticks(series: Series, rows: np.ndarray, task: Task, tick: float) -> np.ndarray:
    """(m,) step of the forecast quantity at `rows`: half a tick for the mean of two sides, the
    tick's share of the price in percent for a spread; NaN where the last value is off it."""
    if not tick:
        return np.full(len(rows), np.nan)
    if task is Task.PRICE:
        unit = np.full(len(rows), tick if series.other is None else tick / 2)
    else:
        unit = 100 * tick / np.exp(series.other[rows] / 100)  # type: ignore[index]
    return np.where(_off(series.value[rows] / unit) < 100 * _EXACT, unit, np.nan)


def snapped(values: np.ndarray, last: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """(m, horizons, levels) quantiles on ticks of `unit` (m,) counted from `last` (m,).

    A quantile often *is* the value that comes, be it a tick or the last value. All but the centre
    are moved outwards by a hair, so that an interval still holds its own end after the figures went
    through a file.
    """
    unit, last = unit[:, None, None], last[:, None, None]
    steps = (values - last) / unit
    keep = ~np.isfinite(steps) | (_OUTER & (np.abs(steps) > _FAR))
    found = np.where(keep, values, last + np.round(steps) * unit)
    hair = np.fmax(_HAIR * unit, _ROUNDING * np.abs(found))
    return found + _OUTWARD * hair
