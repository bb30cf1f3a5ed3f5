"""One new quote scored in constant time, from a state that can be stored between two quotes.

The same arithmetic as for a whole table, one row at a time: the state keeps of the readings before
what a row looks back on, in arrays of fixed size. A test holds both to the same scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ml.anomaly.alarms import RELEASE
from ml.anomaly.calibration import PUBLIC_THRESHOLD, Promise
from ml.anomaly.detector import NetworkDetector
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
from ml.anomaly.hysteresis import HOLD_ROWS, REFERENCE, held
from ml.anomaly.readings import join_minutes, log, price_columns
from ml.anomaly.residuals import residuals_of, squash
from ml.anomaly.stats import DRIFT_ROWS, sized_of, step_of, watched
from ml.anomaly.stream_state import RINGS, pack
from ml.anomaly.trailing import TRAIL, bucket, quantile_of

_MINUTE = 6e10
_AGES = np.arange(HOLD_ROWS, 0, -1)


@dataclass(frozen=True)
class Verdict:
    """score: the public one, 0.1 is the weekly threshold. heads: decades of rarity by head."""

    score: float
    alarm: bool
    heads: dict[str, float]


class QuoteStream:
    """Scores rows one after the other. `state` holds arrays of fixed shapes and no Python objects:
    it can be saved as tensors and handed to a new QuoteStream of the same detector.

    Feed it the last rows of history first (ml.anomaly.measure.CONTEXT of them say all there is).
    """

    def __init__(
        self,
        detector: NetworkDetector,
        promise: Promise,
        *,
        usual: float,
        columns: tuple[str, ...],
        per_week: float = 1.0,
        state: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.detector, self.promise, self.usual = detector, promise, usual
        self.columns = columns
        self.bar = PUBLIC_THRESHOLD * promise.at(per_week) / promise.weekly
        self.state: dict[str, np.ndarray] = {k: v.copy() for k, v in (state or {}).items()}

    def feed(self, time: pd.Timestamp, row: Mapping[str, float]) -> Verdict:
        """The verdict on one row; columns that it lacks are unknown."""
        values = np.array([[row.get(c, np.nan) for c in self.columns]], dtype=float)
        return self._feed(pd.Timestamp(time).as_unit("ns").value / _MINUTE, log(values))

    def extend(self, quotes: pd.DataFrame) -> np.ndarray:
        """Feed a table; answers the (rows,) public scores. Columns that it lacks are unknown."""
        logs = log(quotes.reindex(columns=list(self.columns)).to_numpy(float))
        minutes = pd.DatetimeIndex(quotes.index).as_unit("ns").asi8 / _MINUTE
        return np.array([self._feed(m, logs[i : i + 1]).score for i, m in enumerate(minutes)])

    def pack(self) -> bytes:
        """The state as bytes, for `DLPredictor.anomaly_stream`."""
        return pack(self.state)

    def _feed(self, minute: float, seen: np.ndarray) -> Verdict:
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
        score = float(self.promise.public(np.array([max(found.values())]))[0])
        level = self.bar * (RELEASE if state["alarm"][0] else 1.0)
        state["alarm"] = np.array([float(score >= level)])
        return Verdict(score, score >= level, found)

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
            "homes": np.full((HOLD_ROWS, len(levels)), np.nan),
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
            state["held"] = np.full((HOLD_ROWS, state["decades"].shape[1]), np.nan)
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
        state, now = self.state, bucket(np.array([minute]), self.usual).astype(float)
        if now[0] != state["bucket"][0]:
            filled = int(min(state["count"][0], TRAIL))
            block = state["sizes"][TRAIL - filled :]
            state["local"] = quantile_of(block, self.detector.heads.fallback)[None]
            state["bucket"] = now

    def _score(self, minute: float, seen: np.ndarray) -> dict[str, float]:
        state, heads, network = self.state, self.detector.heads, self.detector.network
        before = state["before"] if state["count"][0] else seen
        filled = np.where(np.isfinite(seen), seen, before)
        levels = levels_of(self.columns, filled)
        flags = flags_of(self.columns, seen, before)
        runs, sums = self._runs(minute, flags)
        now = np.column_stack(list(levels.values()))
        middle = self._median(now, DAY)[0]
        middles = {k: middle[i : i + 1] for i, k in enumerate(levels) if k in gap_names(levels)}
        sides = price_columns(self.columns)
        since = {
            s: np.maximum(minute - state["last_seen"][i : i + 1], 0) for i, s in enumerate(sides)
        }
        short = {k: np.minimum(v, LONGEST_RUN) for k, v in runs.items()}
        names, values = values_of(self.columns, levels, before, middles, short, since, self.usual)
        signals = short | moves_of(self.columns, seen, names, values, levels)
        z = network.standard(values)
        squashed = np.nan_to_num(squash(z), nan=0.0)
        inputs = (
            state["inputs"] if state["count"][0] else np.repeat(squashed, network.window - 1, 0)
        )
        window = torch.from_numpy(np.concatenate([inputs, squashed]).astype(np.float32))
        residuals = residuals_of(z, network.last_rows(window[None]))
        sized = sized_of(signals, residuals)
        local = state["local"]
        measured = heads.weigh(signals, residuals, sized, local, state["steps"].sum(keepdims=True))
        decades = heads.rarity(measured, signals, sums)
        home = self._median(now, REFERENCE)
        state |= {"filled": filled, "level": now, "home": home, "input": squashed, "size": sized}
        state |= {"step": step_of(signals, local), "decades": np.column_stack([*decades.values()])}
        state |= {
            "run": np.column_stack([*runs.values()]),
            "sum": np.column_stack([*sums.values()]),
        }
        return self._held(decades, list(levels), now[0])

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

    def _held(
        self, decades: dict[str, np.ndarray], levels: list[str], now: np.ndarray
    ) -> dict[str, float]:
        out = {name: float(found[0]) for name, found in decades.items()}
        past = self.state.get("held")
        filled = int(min(self.state["count"][0], HOLD_ROWS))
        if past is None or not filled:
            return out
        then = self.state["levels"][DAY - filled :]
        homes, ages = self.state["homes"][HOLD_ROWS - filled :], _AGES[HOLD_ROWS - filled :]
        for i, name in enumerate(decades):
            level = watched(name)
            if level not in levels or not past[:, i].any():
                continue
            at, score = levels.index(level), past[HOLD_ROWS - filled :, i]
            kept = held(now[at], then[:, at], homes[:, at], score, ages)
            out[name] = max(out[name], float(kept.max()))
        return out
