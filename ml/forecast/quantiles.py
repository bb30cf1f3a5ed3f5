"""How what a training left becomes quantiles: of many origins in one sweep, or of the newest one
alone, from what its day's state already knows. Both give the same figures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ml.forecast.baseline import as_wide, last_value, served_last_value
from ml.forecast.ensemble import Ensemble
from ml.forecast.experts import EXPERTS, Shrinkage, Simple, expert_quantiles
from ml.forecast.features import FeatureMaker, Inputs, Typical
from ml.forecast.metrics import LEVELS, MEDIAN, QuantileForecast
from ml.forecast.novelty import ONSET, NoveltyIndex, stretch
from ml.forecast.pool import SPAN_DAYS, Pool, Realised, anchor_gap, by_target_day
from ml.forecast.quotes import MINUTE, DayState, DayStates, Quotes
from ml.forecast.series import LOOKBACK_DAYS, MEMORY_DAYS, WHOLE_SHARE, Series, last_rows
from ml.forecast.targets import Target, future, snapped
from ml.forecast.unrest import OF_NETWORK, unrest
from ml.spec import Source
from ml.tasks import HORIZONS, Task


@dataclass(frozen=True, kw_only=True)
class ForecasterState:
    """All that a training leaves for serving. `climatology` (horizons, levels) is the baseline's;
    `tick_size` is 0 where prices stand on no ticks; `novelty` is None in artifacts that are older
    than it."""

    window: int
    step_minutes: int
    columns: tuple[str, ...]
    ensemble: Ensemble
    shrinkage: Shrinkage
    simple: Simple
    pool: Pool
    tick_size: float
    typical: Typical
    climatology: list[list[float]]
    novelty: NoveltyIndex | None


def doubtful(maker: FeatureMaker, rows: np.ndarray, novelty: np.ndarray | None) -> np.ndarray:
    """(m,) True for origins whose input is short of history, full of gaps or unlike what was learnt
    from."""
    window = last_rows(maker.series.y, rows, maker.window)
    gap = np.isfinite(window).sum(axis=1) < WHOLE_SHARE * maker.window
    found: np.ndarray = gap | ~maker.has_memory[rows]
    return found if novelty is None else found | ~(novelty <= ONSET)


class QuantileMaker:
    """Threads may share it: what it remembers of a day has its own lock."""

    def __init__(self, task: Task, state: ForecasterState) -> None:
        self.target, self.state, self.pool = Target(task), state, state.pool
        self.step = state.step_minutes * MINUTE
        self.days = DayStates()

    def reference(self, series: Series, rows: np.ndarray) -> QuantileForecast:
        """The last value as forecasts are measured against it."""
        return last_value(series, rows, self.target, self.state.climatology)

    def many(self, series: Series, rows: np.ndarray, source: Source) -> QuantileForecast:
        """Forecasts at the origins `rows` (m,), whose last value must be known."""
        if source is Source.BASELINE:
            return served_last_value(series, rows, self.target, self.state.climatology)
        maker = self._maker(series)
        clock = series.clock
        start = int(rows.min()) - (SPAN_DAYS + 1) * series.per_day - max(HORIZONS)
        places = self._anchors(maker, clock, start, int(rows.max()))
        every = np.union1d(places, rows)
        inputs = maker.inputs(every)
        experts, novelty = self._experts(inputs, maker, every)
        own, past = np.searchsorted(every, rows), np.searchsorted(every, places)
        known = self._realised(experts[past], series, places, inputs.scale[past], clock)
        moves = self.pool.moves(
            experts[own], maker.has_memory[rows], clock[rows], known, series.per_day
        )
        novelty = None if novelty is None else novelty[own]
        answer = self._answer(series, rows, moves, inputs.scale[own], novelty)
        return self._floored(answer, series, rows, doubtful(maker, rows, novelty))

    def one(
        self, quotes: Quotes, series: Series, row: int, *, stale: bool = False
    ) -> QuantileForecast:
        """The forecast at one origin, which is a `row` of the last weeks of `quotes`; `stale` where
        it is older than the moment that was asked for."""
        rows, day = np.array([row]), series.per_day
        weights, width, capped = self.pool.weights, self.pool.width, None
        if row >= MEMORY_DAYS * day:
            clock = int(series.clock[row])
            state = self._day_state(quotes, clock // day, day)
            weights, width = state.weights, state.width
            capped = state.capped_of(row - clock % day)
        maker = self._maker(series, capped)
        inputs = maker.inputs(rows)
        experts, novelty = self._experts(inputs, maker, rows)
        moves = self.pool.pooled(experts, maker.has_memory[rows], weights[None], width[None])
        answer = self._answer(series, rows, moves, inputs.scale, novelty)
        return self._floored(answer, series, rows, doubtful(maker, rows, novelty) | stale)

    # ------------------------------------------------------------------------------ shared steps
    def _maker(self, series: Series, capped: np.ndarray | None = None) -> FeatureMaker:
        return FeatureMaker(series, self.state.window, typical=self.state.typical, capped=capped)

    def _experts(
        self, inputs: Inputs, maker: FeatureMaker, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """(m, horizons, experts, levels) in trailing scales, and the novelty (m,) of the inputs.

        Where the input is unlike the training data each expert is wider, when it answers and when
        it is judged: of a market that stays strange the pool learns what width is left to add."""
        state, network = self.state, self.state.ensemble.quantiles(inputs)
        experts = expert_quantiles(
            network, state.shrinkage, state.simple, maker.series, rows, inputs
        )
        if state.novelty is None:
            return experts, None
        novelty = state.novelty(maker, rows, inputs.scale)
        centre = experts[..., MEDIAN : MEDIAN + 1]
        wider = (stretch(novelty) - 1)[:, None, None, None]
        return experts + (experts - centre) * wider, novelty

    def _answer(
        self,
        series: Series,
        rows: np.ndarray,
        moves: np.ndarray,
        scale: np.ndarray,
        novelty: np.ndarray | None,
    ) -> QuantileForecast:
        """Moves (m, horizons, levels) in trailing scales -> values in the forecast's unit."""
        wild = unrest(series, rows) if self.target.task is Task.PRICE else None
        if wild is not None:
            wider = wild[:, None, None] ** OF_NETWORK
            centre = moves[..., MEDIAN : MEDIAN + 1]
            moves = centre + (moves - centre) * wider
        last, other = series.value[rows], None if series.other is None else series.other[rows]
        values = self.target.moved(last[:, None, None], moves * scale[:, None, None])
        steps = self.target.tick_steps(last, other, self.state.tick_size)
        values = np.sort(snapped(values, last, steps), axis=-1)
        return QuantileForecast(values[..., MEDIAN], values, novelty, wild)

    def _floored(
        self, answer: QuantileForecast, series: Series, rows: np.ndarray, which: np.ndarray
    ) -> QuantileForecast:
        """Where `which` (m,), intervals are no narrower than the baseline's that are served for the
        same origin: what the network makes of an input that it was not made for is no reason to be
        surer than the market's own moves."""
        if not which.any():
            return answer
        base = self.many(series, rows[which], Source.BASELINE)
        quantiles = answer.quantiles.copy()
        quantiles[which] = as_wide(quantiles[which], base, self.target)
        return replace(answer, quantiles=quantiles)

    # ------------------------------------------------------------------- what the pool learns of
    def _anchors(self, maker: FeatureMaker, clock: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Earlier origins whose realised errors make the weights and the widths: by the clock, and
        only such as the networks have not learnt from."""
        places = np.arange(max(start, 0), stop)
        known = np.isfinite(maker.series.y[places]) & maker.has_memory[places]
        known &= clock[places] % anchor_gap(maker.series.per_day) == 0
        known &= clock[places] >= self.pool.since // (60 * self.state.step_minutes)
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

    def _day_state(self, quotes: Quotes, day: int, per_day: int) -> DayState:
        """The state of the `day` (number since 1970) out of the quotes before its first row."""
        last = (day * per_day - 1) * self.step
        back = LOOKBACK_DAYS * per_day + self.state.window
        before = quotes.between(last - back * self.step, last)
        return self.days.get(day, before, lambda: self._make_day_state(before, day, last))

    def _make_day_state(self, before: Quotes, day: int, last: int) -> DayState:
        series = before.series(self.target, self.state.step_minutes, last)
        maker, clock, per_day = self._maker(series), series.clock, series.per_day
        start = len(series) - SPAN_DAYS * per_day - max(HORIZONS)
        places = self._anchors(maker, clock, start, len(series))
        experts = np.empty((0, len(HORIZONS), len(EXPERTS), len(LEVELS)))
        scale = np.empty(0)
        if len(places):
            inputs = maker.inputs(places)
            scale = inputs.scale
            experts, _ = self._experts(inputs, maker, places)
        past = self._realised(experts, series, places, scale, clock)
        weights, width = self.pool.of_days(past, np.array([day]), per_day)
        return DayState(weights[0], width[0], maker.capped)
