"""The last value with intervals of a market's own moves, for who has fewer rows than a network
needs: two quotes give an interval, and a wide one.

A horizon's moves overlap, so 200 rows hold four independent moves of 48 rows. Their variance is
therefore shrunk towards that of a random walk with the market's own steps, and this towards a prior
step (as a conjugate prior would have it: Gelman et al., Bayesian Data Analysis, 2.6); the quantiles
are Student's with as many degrees of freedom as there are independent moves. Where the moves
themselves have wider quantiles, those count."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd

from ml.forecast.baseline import residual_rows
from ml.forecast.metrics import LEVELS, QuantileForecast, enclosing
from ml.forecast.quotes import Quotes
from ml.forecast.series import Series
from ml.forecast.server import Forecaster
from ml.forecast.targets import Target
from ml.forecast.unrest import unrest
from ml.grid import QuoteArrays
from ml.registry import get_spec
from ml.results import Forecast
from ml.spec import Source
from ml.tasks import HORIZONS, TASKS, Task

#: What is thought of a market of which nothing is known: percent a day of its price; share of its
#: spread a step, and percent of mid at the least.
_DAY_MOVE, _SPREAD_SHARE, _LEAST_SPREAD = 2.0, 0.25, 0.02
#: Steps that the prior step counts for, and independent moves that the random walk counts for.
_PRIOR_STEPS, _PRIOR_MOVES = 5.0, 3.0
#: Steps after which a spread has come back to where it was.
_SPREAD_MEMORY = 6
_LEAST_FREEDOM = 3.0
#: Moves that have quantiles of their own.
_LEAST_MOVES = 20
#: Standard normal quantiles of LEVELS.
_NORMAL = np.array([-1.6448536, -1.2815516, -0.6744898, 0.0, 0.6744898, 1.2815516, 1.6448536])


def student_quantiles(freedom: float) -> np.ndarray:
    """(levels,) quantiles of Student's t, by Cornish-Fisher (Abramowitz and Stegun 26.7.5)."""
    z = _NORMAL
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    quantiles: np.ndarray = z + first / freedom + second / freedom**2
    return quantiles


class OwnIntervals:
    """The quantiles of `BaselineForecaster`, of many origins or of one."""

    def __init__(self, task: Task) -> None:
        self.target = Target(task)

    def many(self, series: Series, rows: np.ndarray, source: Source) -> QuantileForecast:
        """Forecasts at the origins `rows` (m,), each from the moves that were over by then."""
        last = series.value[rows]
        moves = np.stack([self._moves(series, int(row)) for row in rows])
        moves *= unrest(series, rows)[:, None, None]
        quantiles = self.target.moved(last[:, None, None], moves)
        return QuantileForecast(np.repeat(last[:, None], len(HORIZONS), axis=1), quantiles)

    def reference(self, series: Series, rows: np.ndarray) -> QuantileForecast:
        """The same: a market of few rows has nothing else to be measured against."""
        return self.many(series, rows, Source.BASELINE)

    def one(
        self, quotes: Quotes, series: Series, row: int, *, stale: bool = False
    ) -> QuantileForecast:
        """As `many`."""
        return self.many(series, np.array([row]), Source.BASELINE)

    def _moves(self, series: Series, row: int) -> np.ndarray:
        """(horizons, levels) quantiles of the encoded move from `row` on."""
        back = residual_rows(series.per_day)
        past = series.y[max(0, row + 1 - back - max(HORIZONS)) : row + 1]
        step = self._step_variance(past, series)
        found = np.empty((len(HORIZONS), len(LEVELS)))
        for k, horizon in enumerate(HORIZONS):
            moves = (past[horizon:] - past[:-horizon])[-back:]
            moves = moves[np.isfinite(moves)]
            alone = len(moves) / horizon
            steps = min(horizon, _SPREAD_MEMORY) if self.target.task is Task.SPREAD else horizon
            own = float((moves**2).mean()) if len(moves) else 0.0
            variance = (alone * own + _PRIOR_MOVES * steps * step) / (alone + _PRIOR_MOVES)
            found[k] = np.sqrt(variance) * student_quantiles(_LEAST_FREEDOM + alone)
            if len(moves) >= _LEAST_MOVES:
                found[k] = enclosing(found[k], np.quantile(moves, LEVELS))
        return found

    def _step_variance(self, past: np.ndarray, series: Series) -> float:
        """Of the encoded move of one step, from what is known and the prior."""
        moves = np.diff(past)
        moves = moves[np.isfinite(moves)]
        if self.target.task is Task.SPREAD:
            prior = max(_SPREAD_SHARE * abs(float(past[-1])), _LEAST_SPREAD)
        else:
            prior = _DAY_MOVE * np.sqrt(series.step_minutes / 1440)
        total = float((moves**2).sum()) + _PRIOR_STEPS * prior**2
        return total / (len(moves) + _PRIOR_STEPS)


class BaselineForecaster(Forecaster):
    """Serves a price or a spread without a network (the contract of ml.pipeline.ForecastServer);
    whatever source is asked for, the baseline answers and says so."""

    def __init__(self, task: Task, quotes: pd.DataFrame, step_minutes: int) -> None:
        columns = Target(task).price_columns(tuple(quotes.columns))
        self._set_up(get_spec(task), 1, step_minutes, columns)
        self.quantiles = OwnIntervals(task)

    def forecast(
        self, quotes: pd.DataFrame | QuoteArrays, *, at: dt.datetime, source: Source
    ) -> Forecast:
        """The baseline's forecast, named as such."""
        answer = super().forecast(quotes, at=at, source=Source.BASELINE)
        return replace(answer, notes=(*answer.notes, *self._said(quotes)))

    def _said(self, quotes: pd.DataFrame | QuoteArrays) -> tuple[str, ...]:
        needed = TASKS[self.spec.task].min_grid_rows
        if len(quotes) >= needed:
            return ("the baseline answers: no network was asked",)
        return (
            f"the baseline answers: {len(quotes)} quotes are fewer than the {needed} grid rows "
            "that a network learns from",
        )
