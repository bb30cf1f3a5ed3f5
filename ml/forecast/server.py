"""Answers of a trained forecaster. One vectorised path serves a single moment and whole months."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.errors import ArtifactMismatch, NotEnoughData
from ml.forecast.baseline import last_value
from ml.forecast.calibration import Calibration
from ml.forecast.ensemble import Ensemble
from ml.forecast.experts import Simple, expert_quantiles
from ml.forecast.features import FeatureMaker, Typical
from ml.forecast.metrics import Answer, measure
from ml.forecast.pool import SPAN_DAYS, Pool, anchor_gap, by_target_day
from ml.forecast.series import LOOKBACK_DAYS, MEMORY_DAYS, Series, make_series
from ml.forecast.targets import Target, future
from ml.forecast.tick import row_ticks, snapped
from ml.grid import build_grid
from ml.pipeline import Server
from ml.spec import (
    HORIZONS,
    QUANTILES,
    STALE_MINUTES,
    Forecast,
    HorizonForecast,
    ModelSpec,
    Source,
)

_MEDIAN = QUANTILES.index(0.5)


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """All that a training leaves for serving. `climate` (horizons, levels) is the baseline's."""

    window: int
    step_minutes: int
    columns: tuple[str, ...]
    ensemble: Ensemble
    calibration: Calibration
    simple: Simple
    pool: Pool
    tick: float
    typical: Typical
    climate: list[list[float]]


class ForecastServer(Server):
    """Serves one artifact; nothing is written after it is made, so threads may share it."""

    def __init__(self, spec: ModelSpec, learnt: Learnt) -> None:
        self.spec, self.target = spec, Target(spec.task)
        self.window, self.step_minutes = learnt.window, learnt.step_minutes
        self.columns, self.ensemble = learnt.columns, learnt.ensemble
        self.calibration, self.typical = learnt.calibration, learnt.typical
        self.simple, self.pool = learnt.simple, learnt.pool
        self.tick, self.climate = learnt.tick, learnt.climate

    def forecast(self, quotes: pd.DataFrame, *, at: dt.datetime, source: Source) -> Forecast:
        moment = pd.Timestamp(at)
        recent = quotes.loc[moment - self._lookback() : moment]
        series = self._series(recent if len(recent) else quotes.loc[:moment].iloc[-1:], moment)
        row, stale = self._origin(series, source)
        answer = self.answer(series, np.array([row]), source)
        as_of = series.index[row]
        return Forecast(
            task=self.spec.task,
            unit=self.target.unit,
            as_of=as_of.to_pydatetime(),
            stale=stale,
            last_value=float(series.value[row]),
            horizons=self._horizons(answer, as_of),
            source=source,
            name=self.spec.name if source is Source.NETWORK else self.spec.baseline,
            notes=self._notes(series, row, stale),
        )

    def _horizons(self, answer: Answer, as_of: pd.Timestamp) -> tuple[HorizonForecast, ...]:
        """The first origin of `answer`, spelled out."""
        step = self.step_minutes
        return tuple(
            HorizonForecast(
                steps=steps,
                minutes=steps * step,
                at=(as_of + pd.Timedelta(minutes=steps * step)).to_pydatetime(),
                value=float(answer.value[0, k]),
                quantiles={
                    f"{level:g}": float(q)
                    for level, q in zip(QUANTILES, answer.quantiles[0, k], strict=True)
                },
            )
            for k, steps in enumerate(HORIZONS)
        )

    def evaluate(
        self,
        quotes: pd.DataFrame,
        *,
        start: dt.datetime,
        end: dt.datetime,
        source: Source,
    ) -> dict[str, float | None]:
        """Metrics of every origin whose target lies within start..end too."""
        first, last = pd.Timestamp(start), pd.Timestamp(end)
        part = quotes.loc[first - self._lookback() : last]
        if part.empty:
            raise NotEnoughData("There is no quote to be measured on.", needed=1, present=0)
        series = self._series(part, last)
        return self.measure(series, np.flatnonzero(series.index >= first), source)

    def measure(self, series: Series, rows: np.ndarray, source: Source) -> dict[str, float | None]:
        """The metrics of the origins `rows`, beside the last value on the same rows."""
        rows = rows[(rows >= self.window - 1) & np.isfinite(series.y[rows])]
        if not len(rows):
            raise NotEnoughData("No moment of that stretch has a known price.", needed=1, present=0)
        base = self.answer(series, rows, Source.BASELINE)
        answer = base if source is Source.BASELINE else self.answer(series, rows, source)
        return measure(answer, base, future(series.value, rows))

    def answer(self, series: Series, rows: np.ndarray, source: Source) -> Answer:
        """Forecasts at the origins `rows`, whose last value must be known."""
        if source is Source.BASELINE:
            return last_value(series, rows, self.target, self.climate)
        maker = FeatureMaker(series, self.window, typical=self.typical)
        clock = series.index.as_unit("s").asi8 // (60 * self.step_minutes)
        places = self._anchors(maker, rows, clock)
        every = np.union1d(places, rows)
        inputs = maker.inputs(every)
        network = self.ensemble.quantiles(inputs)
        cautious, bold = self.calibration.cautious(network), self.calibration.bold(network)
        experts = expert_quantiles(cautious, bold, series, every, inputs, self.simple)
        realised = future(series.y, places) - series.y[places, None]
        own, past = np.searchsorted(every, rows), np.searchsorted(every, places)
        unit = self.pool.unit
        known = by_target_day(
            experts[past] / unit[:, None, None],
            realised / inputs.scale[past, None] / unit,
            clock[places],
            series.per_day,
        )
        moves = self.pool.moves(
            experts[own], maker.has_memory[rows], clock[rows], known, series.per_day
        )
        last = series.value[rows]
        values = self.target.moved(last[:, None, None], moves * inputs.scale[own, None, None])
        values = snapped(values, last, row_ticks(series, rows, self.spec.task, self.tick))
        values = np.sort(values, axis=-1)
        return Answer(values[..., _MEDIAN], values)

    def _anchors(self, maker: FeatureMaker, rows: np.ndarray, clock: np.ndarray) -> np.ndarray:
        """Earlier origins whose realised errors make the weights and the widths: by the clock, from
        4 weeks before the first of `rows`, and only such as the networks have not learnt from."""
        series = maker.series
        start = int(rows.min()) - (SPAN_DAYS + 1) * series.per_day - max(HORIZONS)
        since = self.pool.since // (60 * self.step_minutes)
        places = np.arange(max(start, 0), int(rows.max()))
        known = np.isfinite(series.y[places]) & maker.has_memory[places]
        known &= (clock[places] % anchor_gap(series.per_day) == 0) & (clock[places] >= since)
        return places[known]

    def _lookback(self) -> pd.Timedelta:
        window = pd.Timedelta(minutes=self.step_minutes * self.window)
        return pd.Timedelta(days=LOOKBACK_DAYS) + window

    def _series(self, quotes: pd.DataFrame, end: pd.Timestamp) -> Series:
        """The grid up to `end`, or to the moment by which the last quote has gone stale."""
        for column in self.columns:
            if column not in quotes.columns or not quotes[column].notna().any():
                raise ArtifactMismatch(
                    f"This model was trained with {column}, and the quotes have none.",
                    {column: "missing"},
                )
        patience = pd.Timedelta(minutes=max(STALE_MINUTES, 6 * self.step_minutes) + 1)
        patience += pd.Timedelta(minutes=self.step_minutes)
        end = min(end, quotes.index[-1] + patience)
        grid = build_grid(quotes[list(self.columns)], step_minutes=self.step_minutes, end=end)
        return make_series(grid, self.target, self.step_minutes)

    def _origin(self, series: Series, source: Source) -> tuple[int, bool]:
        """The last row with a known price, and whether it is older than was asked for."""
        known = np.flatnonzero(np.isfinite(series.y))
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
        return int(known[-1]), bool(known[-1] < len(series) - 1)

    def _notes(self, series: Series, row: int, stale: bool) -> tuple[str, ...]:
        notes = []
        if row < MEMORY_DAYS * series.per_day:
            notes.append(f"short history: {row + 1} rows; weekly profiles and scales are left out")
        if stale:
            notes.append("stale: the forecast starts at the last known price")
        part = series.y[max(0, row + 1 - self.window) : row + 1]
        if np.isfinite(part).mean() < 0.75:
            notes.append("gap: much of the last window is unknown")
        return tuple(notes)
