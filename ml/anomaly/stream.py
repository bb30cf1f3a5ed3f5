"""One new quote scored in constant time, from a state that can be stored between two quotes.

The same arithmetic as for a whole table, one row at a time: the state keeps of the readings before
what a row looks back on, in arrays of fixed size. A test holds both to the same scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.anomaly.alarms import HYSTERESIS_ROWS, REFERENCE, remaining_score, stays_up
from ml.anomaly.calibration import ALARMS_PER_WEEK, AlarmRateCalibration
from ml.anomaly.detectors import NetworkDetector
from ml.anomaly.features import (
    DAY,
    LONGEST_RUN,
    extend_run,
    flags_of,
    gap_names,
    levels_of,
    moves_of,
    values_of,
)
from ml.anomaly.heads import DRIFT_ROWS, drift_step, trailing_inputs, watched_level
from ml.anomaly.readings import (
    TRAIL,
    clock_of,
    join_minutes,
    log,
    minutes_of,
    price_columns,
    quantile_of,
)
from ml.anomaly.residuals import Residuals, residuals_of, squashed_inputs
from ml.anomaly.stream_state import RINGS, pack
from ml.grid import arrays_of

_AGES = np.arange(HYSTERESIS_ROWS, 0, -1)


@dataclass(frozen=True)
class StreamScore:
    """One row's. score: the public one. heads: decades of rarity by head."""

    score: float
    alarm: bool
    heads: dict[str, float]


class QuoteStream:
    """Scores rows one after the other. `state` holds arrays of fixed shapes and no Python objects:
    it can be saved as tensors and handed to a new QuoteStream of the same detector.

    `usual` are the market's minutes between readings, `columns` those of `read_columns`. Feed it
    the last rows of history first (ml.anomaly.measure.CONTEXT of them say all there is). It raises
    an alarm at the threshold of one a week.
    """

    def __init__(
        self,
        detector: NetworkDetector,
        calibration: AlarmRateCalibration,
        *,
        usual: float,
        columns: tuple[str, ...],
        state: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.detector, self.calibration, self.usual = detector, calibration, usual
        self.columns = columns
        self.threshold = calibration.public_threshold(ALARMS_PER_WEEK)
        self.state: dict[str, np.ndarray] = {k: v.copy() for k, v in (state or {}).items()}

    def feed(self, time: pd.Timestamp, row: Mapping[str, float]) -> StreamScore:
        """The score of one row; columns that it lacks are unknown."""
        values = np.array([[row.get(c, np.nan) for c in self.columns]], dtype=float)
        return self._feed(float(minutes_of(pd.DatetimeIndex([time]))[0]), log(values))

    def extend(self, quotes: pd.DataFrame) -> np.ndarray:
        """Feed a table; answers the (rows,) public scores. Columns that it lacks are unknown."""
        there, none = arrays_of(quotes, self.columns), np.full(len(quotes), np.nan)
        logs = log(np.column_stack([there.get(column, none) for column in self.columns]))
        minutes = minutes_of(pd.DatetimeIndex(quotes.index))
        return np.array([self._feed(m, logs[i : i + 1]).score for i, m in enumerate(minutes)])

    def pack(self) -> bytes:
        """The state as bytes, for `DLPredictor.anomaly_stream`."""
        return pack(self.state)

    def _feed(self, minute: float, seen: np.ndarray) -> StreamScore:
        state = self.state
        if not state:
            self._begin(seen)
        elif 0 <= minute - state["start"][0] <= join_minutes(self.usual):
            seen = np.where(np.isfinite(seen), seen, state["seen"])
        else:
            self._commit()
        if "decades" not in state:  # the first row of a reading
            state["start"] = np.array([minute])
            self._refresh(minute)
        state["seen"], state["minute"] = seen, np.array([minute])
        found = self._score(minute, seen)
        score = float(self.calibration.public(np.array([max(found.values())]))[0])
        alarm = stays_up(score, self.threshold, bool(state["alarm"][0]))
        state["alarm"] = np.array([float(alarm)])
        return StreamScore(score, alarm, found)

    def _begin(self, seen: np.ndarray) -> None:
        """Empty rings; what has not been seen is NaN."""
        heads = self.detector.heads
        sides = price_columns(self.columns)
        levels = levels_of(self.columns, seen)
        flags = flags_of(self.columns, seen, seen)
        features, names = len(heads.names), len(heads.fallback)
        self.state |= {
            "count": np.zeros(1),
            "before": seen,
            "last_seen": np.full(len(sides), np.nan),
            "levels": np.full((DAY, len(levels)), np.nan),
            "homes": np.full((HYSTERESIS_ROWS, len(levels)), np.nan),
            "inputs": np.full((self.detector.network.window - 1, features), np.nan),
            "sizes": np.full((TRAIL, names), np.nan),
            "local": heads.fallback[None].copy(),
            "bucket": np.full(1, np.nan),
            "steps": np.zeros(DRIFT_ROWS - 1),
            "runs": np.zeros((1, len(flags))),
            "sums": np.zeros((1, len(flags))),
            "alarm": np.zeros(1),
        }

    def _commit(self) -> None:
        """The reading so far is complete: it becomes the past of the next one."""
        state = self.state
        if "held" not in state:
            state["held"] = np.full((HYSTERESIS_ROWS, state["decades"].shape[1]), np.nan)
        for ring, entry in RINGS.items():
            state[ring] = np.concatenate([state[ring][1:], state.pop(entry)])
        if not state["count"][0]:  # the first reading is repeated before itself
            state["inputs"][:] = state["inputs"][-1]
        state["before"] = state.pop("filled")
        sides = len(price_columns(self.columns))
        known = np.isfinite(state["seen"][0, :sides])
        state["last_seen"] = np.where(known, state["minute"], state["last_seen"])
        state["runs"], state["sums"] = state.pop("run"), state.pop("sum")
        state["count"] = state["count"] + 1

    def _refresh(self, minute: float) -> None:
        state, now = self.state, clock_of(np.array([minute]), self.usual).astype(float)
        if now[0] != state["bucket"][0]:
            filled = int(min(state["count"][0], TRAIL))
            block = state["sizes"][TRAIL - filled :]
            state["local"] = quantile_of(block, self.detector.heads.fallback)[None]
            state["bucket"] = now

    def _score(self, minute: float, seen: np.ndarray) -> dict[str, float]:
        """Decades of rarity by head; the state takes what the next readings look back on."""
        state, heads = self.state, self.detector.heads
        before = state["before"] if state["count"][0] else seen
        filled = np.where(np.isfinite(seen), seen, before)
        levels = levels_of(self.columns, filled)
        now = np.column_stack([*levels.values()])
        runs, sums = self._runs(minute, flags_of(self.columns, seen, before))
        short = {k: np.minimum(v, LONGEST_RUN) for k, v in runs.items()}
        middle = self._median(now, DAY)[0]
        middles = {k: middle[i : i + 1] for i, k in enumerate(levels) if k in gap_names(levels)}
        since = self._since(minute)
        names, values = values_of(self.columns, levels, before, middles, short, since, self.usual)
        signals = short | moves_of(self.columns, seen, names, values, levels)
        residuals, squashed = self._residuals(values)
        sized, local = trailing_inputs(signals, residuals), state["local"]
        measured = heads.weigh(signals, residuals, sized, local, state["steps"].sum(keepdims=True))
        decades = heads.rarity(measured, signals, sums)
        state |= {
            "filled": filled,
            "level": now,
            "home": self._median(now, REFERENCE),
            "input": squashed,
            "size": sized,
            "step": drift_step(signals, local),
            "decades": np.column_stack([*decades.values()]),
            "run": np.column_stack([*runs.values()]),
            "sum": np.column_stack([*sums.values()]),
        }
        return self._with_hysteresis(decades, list(levels), now[0])

    def _since(self, minute: float) -> dict[str, np.ndarray]:
        """Side -> (1,) minutes since it was last seen in an earlier reading."""
        seen, sides = self.state["last_seen"], price_columns(self.columns)
        return {s: np.maximum(minute - seen[i : i + 1], 0) for i, s in enumerate(sides)}

    def _residuals(self, values: np.ndarray) -> tuple[Residuals, np.ndarray]:
        """From (1, features) values; beside them the input that the next readings look back on."""
        state, network = self.state, self.detector.network
        z = network.standard(values)
        squashed = squashed_inputs(z)
        past = state["inputs"] if state["count"][0] else np.repeat(squashed, network.window - 1, 0)
        window = np.concatenate([past, squashed]).astype(np.float32)
        return residuals_of(z, network.last_rows(window[None])), squashed

    def _runs(
        self, minute: float, flags: dict[str, tuple[np.ndarray, np.ndarray]]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        runs, sums, at = {}, {}, np.array([minute])
        for i, (name, (flag, keep)) in enumerate(flags.items()):
            gain = self.detector.heads.runs[name].gain(at)
            runs[name] = extend_run(self.state["runs"][:, i], flag, keep)
            sums[name] = extend_run(self.state["sums"][:, i], flag, keep, gain)
        return runs, sums

    def _median(self, now: np.ndarray, rows: int) -> np.ndarray:
        """(1, levels) median of the readings before; the row's own where there are none."""
        filled = int(min(self.state["count"][0], rows))
        if not filled:
            return now
        block = self.state["levels"][DAY - filled :]
        if np.isfinite(block).all():
            return np.median(block, axis=0)[None]
        known = [column[np.isfinite(column)] for column in block.T]
        return np.array([[np.median(k) if len(k) else np.nan for k in known]])

    def _with_hysteresis(
        self, decades: dict[str, np.ndarray], levels: list[str], now: np.ndarray
    ) -> dict[str, float]:
        """`score_hysteresis`, for one row: `now` (levels,) is what its levels are."""
        out = {name: float(found[0]) for name, found in decades.items()}
        past = self.state.get("held")
        filled = int(min(self.state["count"][0], HYSTERESIS_ROWS))
        if past is None or not filled:
            return out
        then, homes = self.state["levels"][-filled:], self.state["homes"][-filled:]
        for i, name in enumerate(decades):
            level = watched_level(name)
            if level not in levels or not past[:, i].any():
                continue
            at = levels.index(level)
            left = remaining_score(
                now[at], then[:, at], homes[:, at], past[-filled:, i], _AGES[-filled:]
            )
            out[name] = max(out[name], float(left.max()))
        return out
