"""How what a training left becomes quantiles: of many origins in one sweep, or of the newest one
alone, from what its day's state already knows. Both give the same figures."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from ml.forecast.baseline import last_value
from ml.forecast.calibration import Calibration
from ml.forecast.ensemble import Ensemble
from ml.forecast.experts import EXPERTS, Simple, expert_quantiles
from ml.forecast.features import FeatureMaker, Inputs, Typical
from ml.forecast.metrics import LEVELS, Answer
from ml.forecast.novelty import Guard, stretch
from ml.forecast.pool import SPAN_DAYS, Pool, Realised, anchor_gap, by_target_day
from ml.forecast.quick import QuickEnsemble
from ml.forecast.quotes import MINUTE, Quotes
from ml.forecast.series import LOOKBACK_DAYS, MEMORY_DAYS, Series
from ml.forecast.state import DayState, DayStates
from ml.forecast.targets import Target, future
from ml.forecast.tick_size import row_ticks, snapped
from ml.spec import Source
from ml.tasks import HORIZONS, QUANTILES, Task

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
    guard: Guard | None = None


class Answers:
    """Threads may share it: what it remembers has its own lock."""

    def __init__(self, task: Task, learnt: Learnt) -> None:
        self.target, self.learnt, self.pool = Target(task), learnt, learnt.pool
        self.step = learnt.step_minutes * MINUTE
        self.states = DayStates()
        self._quick: QuickEnsemble | None = None
        self._lock = threading.Lock()

    def many(self, series: Series, rows: np.ndarray, source: Source) -> Answer:
        """Forecasts at the origins `rows`, whose last value must be known."""
        if source is Source.BASELINE:
            return last_value(series, rows, self.target, self.learnt.climate)
        maker = self._maker(series)
        clock = self._clock(series)
        start = int(rows.min()) - (SPAN_DAYS + 1) * series.per_day - max(HORIZONS)
        places = self._anchors(maker, clock, start, int(rows.max()))
        every = np.union1d(places, rows)
        inputs = maker.inputs(every)
        experts, novelty = self._experts(self.learnt.ensemble, inputs, maker, every)
        own, past = np.searchsorted(every, rows), np.searchsorted(every, places)
        known = self._realised(experts[past], series, places, inputs.scale[past], clock)
        moves = self.pool.moves(
            experts[own], maker.has_memory[rows], clock[rows], known, series.per_day
        )
        novelty = None if novelty is None else novelty[own]
        return self._answer(series, rows, moves, inputs.scale[own], novelty)

    def one(self, quotes: Quotes, series: Series, row: int) -> Answer:
        """The forecast at one origin, which is a `row` of the last weeks of `quotes`."""
        rows, day = np.array([row]), series.per_day
        weights, width, capped = self.pool.weights, self.pool.width, None
        if row >= MEMORY_DAYS * day:
            clock = int(self._clock(series)[row])
            state = self._state(quotes, clock // day, day)
            weights, width = state.weights, state.width
            capped = state.capped_of(row - clock % day)
        maker = self._maker(series, capped)
        inputs = maker.inputs(rows)
        experts, novelty = self._experts(self._fast(inputs), inputs, maker, rows)
        moves = self.pool.pooled(experts, maker.has_memory[rows], weights[None], width[None])
        return self._answer(series, rows, moves, inputs.scale, novelty)

    # ------------------------------------------------------------------------------ shared steps
    def _maker(self, series: Series, capped: np.ndarray | None = None) -> FeatureMaker:
        learnt = self.learnt
        return FeatureMaker(series, learnt.window, typical=learnt.typical, capped=capped)

    def _clock(self, series: Series) -> np.ndarray:
        """(n,) number of each row since 1970."""
        return series.index.as_unit("s").asi8 // (60 * self.learnt.step_minutes)

    def _experts(
        self,
        ensemble: Ensemble | QuickEnsemble,
        inputs: Inputs,
        maker: FeatureMaker,
        rows: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """(m, horizons, experts, levels) in trailing scales, and the novelty (m,) of the inputs.

        Where the input is unlike the training data each expert is wider, when it answers and when
        it is judged: of a market that stays strange the pool learns what width is left to add."""
        network, trust = ensemble.quantiles(inputs), self.learnt.calibration
        cautious, bold = trust.cautious(network), trust.bold(network)
        experts = expert_quantiles(cautious, bold, maker.series, rows, inputs, self.learnt.simple)
        if self.learnt.guard is None:
            return experts, None
        novelty = self.learnt.guard(maker, rows, inputs.scale)
        centre = experts[..., _MEDIAN : _MEDIAN + 1]
        wider = (stretch(novelty) - 1)[:, None, None, None]
        return experts + (experts - centre) * wider, novelty

    def _answer(
        self,
        series: Series,
        rows: np.ndarray,
        moves: np.ndarray,
        scale: np.ndarray,
        novelty: np.ndarray | None,
    ) -> Answer:
        """Moves (m, horizons, levels) in trailing scales -> values in the forecast's unit."""
        last = series.value[rows]
        values = self.target.moved(last[:, None, None], moves * scale[:, None, None])
        ticks = row_ticks(series, rows, self.target.task, self.learnt.tick)
        values = np.sort(snapped(values, last, ticks), axis=-1)
        return Answer(values[..., _MEDIAN], values, novelty)

    # ------------------------------------------------------------------- what the pool learns of
    def _anchors(self, maker: FeatureMaker, clock: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Earlier origins whose realised errors make the weights and the widths: by the clock, and
        only such as the networks have not learnt from."""
        places = np.arange(max(start, 0), stop)
        known = np.isfinite(maker.series.y[places]) & maker.has_memory[places]
        known &= clock[places] % anchor_gap(maker.series.per_day) == 0
        known &= clock[places] >= self.pool.since // (60 * self.learnt.step_minutes)
        return places[known]

    def _realised(
        self,
        experts: np.ndarray,
        series: Series,
        places: np.ndarray,
        scale: np.ndarray,
        clock: np.ndarray,
    ) -> Realised:
        """What came of the forecasts (m, horizons, experts, levels) at `places` (m,)."""
        unit = self.pool.unit
        moves = (future(series.y, places) - series.y[places, None]) / scale[:, None]
        experts = experts / unit[:, None, None]
        return by_target_day(experts, moves / unit, clock[places], series.per_day)

    def _state(self, quotes: Quotes, day: int, per_day: int) -> DayState:
        """The state of the `day` (number since 1970) out of the quotes before its first row."""
        last = (day * per_day - 1) * self.step
        back = LOOKBACK_DAYS * per_day + self.learnt.window
        before = quotes.between(last - back * self.step, last)
        return self.states.get(day, before, lambda: self._make_state(before, day, last))

    def _make_state(self, before: Quotes, day: int, last: int) -> DayState:
        series = before.series(self.target, self.learnt.step_minutes, last)
        maker, clock, per_day = self._maker(series), self._clock(series), series.per_day
        start = len(series) - SPAN_DAYS * per_day - max(HORIZONS)
        places = self._anchors(maker, clock, start, len(series))
        experts = np.empty((0, len(HORIZONS), len(EXPERTS), len(LEVELS)))
        scale = np.empty(0)
        if len(places):
            inputs = maker.inputs(places)
            scale = inputs.scale
            experts, _ = self._experts(self.learnt.ensemble, inputs, maker, places)
        past = self._realised(experts, series, places, scale, clock)
        weights, width = self.pool.of_days(past, np.array([day]), per_day)
        return DayState(weights[0], width[0], maker.capped)

    def _fast(self, inputs: Inputs) -> QuickEnsemble:
        """Made when the first origin is asked for: who only measures needs it not."""
        with self._lock:
            if self._quick is None:
                self._quick = QuickEnsemble(self.learnt.ensemble, inputs)
            return self._quick
