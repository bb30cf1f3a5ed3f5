"""What a trained forecaster is asked: the newest moment, many moments, and its measure."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

import numpy as np
import pandas as pd

from ml.errors import NotEnoughData
from ml.forecast.baseline import residual_rows
from ml.forecast.metrics import ForecastBatch, QuantileForecast, measure
from ml.forecast.novelty import ONSET, stretch
from ml.forecast.quantiles import ForecasterState, QuantileMaker
from ml.forecast.quotes import MINUTE, Quotes
from ml.forecast.series import LOOKBACK_DAYS, MEMORY_DAYS, SLOW_DAYS, TAIL_DAYS, WHOLE_SHARE, Series
from ml.forecast.targets import Target, future
from ml.forecast.unrest import OF_NETWORK, WORTH_SAYING, unrest
from ml.grid import QuoteArrays, moment_of
from ml.quotes import staleness_limit
from ml.results import Forecast, HorizonForecast
from ml.spec import ModelSpec, Source
from ml.tasks import HORIZONS, QUANTILES, Task


class Quantiles(Protocol):
    """Who makes the quantiles of a forecaster: of many origins, or of one that may be stale."""

    def reference(self, series: Series, rows: np.ndarray) -> QuantileForecast:
        """What the forecasts of many rows are measured against."""

    def many(self, series: Series, rows: np.ndarray, source: Source) -> QuantileForecast:
        """Of many rows of a series."""

    def one(
        self, quotes: Quotes, series: Series, row: int, *, stale: bool = False
    ) -> QuantileForecast:
        """Of one row, which may be long ago for what is asked."""


class Forecaster:
    """Serves one artifact (the contract of ml.pipeline.ForecastServer). Threads may share it."""

    def __init__(self, spec: ModelSpec, state: ForecasterState) -> None:
        self._set_up(spec, state.window, state.step_minutes, state.columns)
        self.quantiles: Quantiles = QuantileMaker(spec.task, state)

    def _set_up(
        self, spec: ModelSpec, window: int, step_minutes: int, columns: tuple[str, ...]
    ) -> None:
        """What does not depend on who makes the quantiles."""
        self.spec, self.target = spec, Target(spec.task)
        self.window, self.step_minutes, self.columns = window, step_minutes, columns
        self._step = self.step_minutes * MINUTE
        self._per_day = max(1, 1440 // self.step_minutes)
        #: Rows that the inputs of the last one are made of, and those that may follow it unknown.
        rows = max(TAIL_DAYS * self._per_day, residual_rows(self._per_day))
        self._tail_rows = rows + self.window + max(HORIZONS)
        #: Nanoseconds after the last quote by which a row with a missing price is on the grid.
        self._silence = (staleness_limit(self.step_minutes) + 1 + self.step_minutes) * MINUTE

    def forecast(
        self, quotes: pd.DataFrame | QuoteArrays, *, at: dt.datetime, source: Source
    ) -> Forecast:
        """The forecast from the last row of the grid with a known price at or before `at`. Raises
        ArtifactMismatch (a column is missing) and NotEnoughData (less than a window is known)."""
        known = Quotes.of(quotes, self.columns)
        series, row, stale = self._origin(known, pd.Timestamp(at).value, source)
        if source is Source.BASELINE:
            answer = self.quantiles.many(series, np.array([row]), source)
        else:
            answer = self.quantiles.one(known, series, row, stale=stale)
        as_of = moment_of(series.times[row])
        novelty = None if answer.novelty is None else float(answer.novelty[0])
        return Forecast(
            task=self.spec.task,
            unit=self.target.unit,
            as_of=as_of,
            stale=stale,
            last_value=float(series.value[row]),
            horizons=self._horizons(answer, as_of),
            source=source,
            name=self.spec.name if source is Source.NETWORK else self.spec.of_task.baseline,
            notes=(
                *self._restless(series, row, source, answer.unrest),
                *self._notes(series, row, stale, novelty),
            ),
            novelty=novelty,
        )

    def _horizons(
        self, answer: QuantileForecast, as_of: dt.datetime
    ) -> tuple[HorizonForecast, ...]:
        """The first origin of `answer`, spelled out."""
        step, names = self.step_minutes, [f"{level:g}" for level in QUANTILES]
        return tuple(
            HorizonForecast(
                steps=steps,
                minutes=steps * step,
                at=as_of + dt.timedelta(minutes=steps * step),
                value=value,
                quantiles=dict(zip(names, quantiles, strict=True)),
            )
            for steps, value, quantiles in zip(
                HORIZONS, answer.value[0].tolist(), answer.quantiles[0].tolist(), strict=True
            )
        )

    def forecast_batch(
        self,
        quotes: pd.DataFrame,
        origins: pd.DatetimeIndex,
        source: Source,
        *,
        reference: bool = False,
    ) -> ForecastBatch:
        """What `forecast` would answer at each of `origins` that lies on the grid, has the
        network's window before it and a known last value: the inputs of a row are made of rows up
        to it. `quotes` reach back as far as there is memory, no further ahead than the last.
        With `reference`, what such forecasts are measured against."""
        known, last = Quotes.of(quotes, self.columns), origins[-1].value
        series = known.between(int(known.times[0]), last).series(
            self.target, self.step_minutes, last
        )
        rows = series.index.get_indexer(origins.as_unit("ns"))
        rows = rows[rows >= self.window - 1]
        rows = rows[np.isfinite(series.y[rows])]
        if not len(rows):
            empty = np.empty((0, 0))
            return ForecastBatch(origins[:0], QuantileForecast(empty, empty))
        if reference:
            return ForecastBatch(series.index[rows], self.quantiles.reference(series, rows))
        return ForecastBatch(series.index[rows], self.quantiles.many(series, rows, source))

    def evaluate(
        self,
        quotes: pd.DataFrame,
        *,
        start: dt.datetime,
        end: dt.datetime,
        source: Source,
    ) -> dict[str, float | None]:
        """Metrics of every origin whose target lies within start..end too. Raises ArtifactMismatch
        and NotEnoughData."""
        first, last = pd.Timestamp(start), pd.Timestamp(end)
        back = (LOOKBACK_DAYS * self._per_day + self.window) * self._step
        part = Quotes.of(quotes, self.columns).between(first.value - back, last.value)
        if not len(part):
            raise NotEnoughData("There is no quote to be measured on.", needed=1, present=0)
        end_of = min(last.value, int(part.times[-1]) + self._silence)
        series = part.series(self.target, self.step_minutes, end_of)
        return self.measure(series, np.flatnonzero(series.index >= first), source)

    def measure(self, series: Series, rows: np.ndarray, source: Source) -> dict[str, float | None]:
        """The metrics of the origins `rows` (m,), beside the last value on the same rows. Raises
        NotEnoughData where none has a window before it and a known value."""
        rows = rows[(rows >= self.window - 1) & np.isfinite(series.y[rows])]
        if not len(rows):
            raise NotEnoughData("No moment of that stretch has a known price.", needed=1, present=0)
        base = self.quantiles.reference(series, rows)
        answer = base if source is Source.BASELINE else self.quantiles.many(series, rows, source)
        return measure(answer, base, future(series.value, rows))

    def _origin(self, quotes: Quotes, at: int, source: Source) -> tuple[Series, int, bool]:
        """The last row with a known price at or before `at`, in the series of what its inputs are
        made of; and whether it is older than was asked for."""
        last = min(at, int(quotes.times[-1]) + self._silence)
        series = self._tail(quotes, last)
        known = np.flatnonzero(np.isfinite(series.y))
        late = self._silence // self._step + 1
        stale = not len(known) or known[-1] < len(series) - 1
        if (not len(known) or len(series) - known[-1] > late) and quotes.times[0] < last:
            # One side has long been silent: the tail must end where both were last known.
            series, known = self._reach_back(quotes, last)
        present = 0 if not len(known) else int(known[-1] - known[0] + 1)
        # A row is lost where the first quote does not fall on the grid.
        needed = self.window - 1 if source is Source.NETWORK else 1
        if present < needed:
            raise NotEnoughData(
                f"A forecast needs {self.window} grid rows of {self.step_minutes} minutes up to "
                f"its moment, and has {present}.",
                needed=self.window,
                present=present,
            )
        return series, int(known[-1]), bool(stale)

    def _tail(self, quotes: Quotes, last: int) -> Series:
        first = last - self._tail_rows * self._step - self._silence
        return quotes.between(first, last).series(self.target, self.step_minutes, last)

    def _reach_back(self, quotes: Quotes, last: int) -> tuple[Series, np.ndarray]:
        back = (LOOKBACK_DAYS * self._per_day + self.window) * self._step
        series = quotes.between(last - back, last).series(self.target, self.step_minutes, last)
        known = np.flatnonzero(np.isfinite(series.y))
        if len(known):
            series = self._tail(quotes, int(series.times[known[-1]]))
            known = np.flatnonzero(np.isfinite(series.y))
        return series, known

    def _restless(
        self, series: Series, row: int, source: Source, known: np.ndarray | None
    ) -> tuple[str, ...]:
        """Says so where the last days were much wilder than their month; `known` (1,) where the
        answer tells how much."""
        if (source, self.spec.task) == (Source.NETWORK, Task.SPREAD):
            return ()
        found = float((unrest(series, np.array([row])) if known is None else known)[0])
        if found < WORTH_SAYING:
            return ()
        times = found if source is Source.BASELINE else found**OF_NETWORK
        return (
            "restless: the last days moved more than usual; intervals are "
            f"{times:.2f} times as wide",
        )

    def _notes(
        self, series: Series, row: int, stale: bool, novelty: float | None
    ) -> tuple[str, ...]:
        notes = []
        if row < MEMORY_DAYS * series.per_day:
            notes.append(f"short history: {row + 1} rows; weekly profiles and scales are left out")
        if stale:
            notes.append("stale: the forecast starts at the last known price")
        part = series.y[max(0, row + 1 - self.window) : row + 1]
        if np.isfinite(part).mean() < WHOLE_SHARE:
            notes.append("gap: much of the last window is unknown")
        month = series.y[max(0, row + 1 - SLOW_DAYS * series.per_day) : row + 1]
        if not notes and np.isfinite(month).sum() < MEMORY_DAYS * series.per_day / 2:
            notes.append("gap: most of the last weeks is unknown; weekly profiles are left out")
        if novelty is not None and novelty > ONSET:
            wider = float(stretch(np.array([novelty]))[0])
            notes.append(
                f"unlike the training data (novelty {novelty:.1f}): intervals are {wider:.1f} "
                "times as wide"
            )
        if notes and novelty is not None:
            notes.append("intervals are no narrower than the last value's own moves ask for")
        return tuple(notes)
