"""Quotes as plain arrays, which a single forecast cuts, compares and puts on the grid in no time;
and what a day's forecasts owe to the quotes before its midnight: weights, widths, capped moves.

Such a state takes some 340 earlier forecasts, and is the same all day: the servers keep it. It is
found by the very quotes that it was made of, so that a corrected history never meets a stale one.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.errors import ArtifactMismatch
from ml.forecast.series import Series, series_of
from ml.forecast.targets import Target
from ml.grid import QuoteArrays, arrays_of, grid_columns
from ml.quotes import staleness_limit

MINUTE = 60 * 10**9
MOST_DAYS = 16


@dataclass(frozen=True)
class Quotes(QuoteArrays):
    """The columns that a forecaster looks at."""

    @classmethod
    def of(cls, quotes: pd.DataFrame | QuoteArrays, columns: Sequence[str]) -> Quotes:
        """Those `columns` of a quotes frame; raises ArtifactMismatch where one has no value."""
        if isinstance(quotes, QuoteArrays):
            found = {name: quotes.columns[name] for name in columns if name in quotes.columns}
        else:
            found = arrays_of(quotes, columns)
        for name in columns:
            values = found.get(name)
            if values is None or not np.isfinite(values).any():
                raise ArtifactMismatch(
                    f"This model was trained with {name}, and the quotes have none.",
                    {name: "is missing"},
                )
        if isinstance(quotes, QuoteArrays):
            return cls(quotes.times, found)
        index = quotes.index
        if not isinstance(index, pd.DatetimeIndex):
            index = pd.DatetimeIndex(index)
        return cls((index if index.unit == "ns" else index.as_unit("ns")).asi8, found)

    def between(self, first: int, last: int) -> Quotes:
        """The quotes at first <= time <= last (nanoseconds since 1970)."""
        low = np.searchsorted(self.times, first)
        high = np.searchsorted(self.times, last, side="right")
        return Quotes(self.times[low:high], {n: v[low:high] for n, v in self.columns.items()})

    def digest(self) -> bytes:
        """SHA-256: the same for the same times and figures, and for no other ones."""
        found = hashlib.sha256()
        for values in (self.times, *self.columns.values()):
            found.update(np.ascontiguousarray(values).data)
        return found.digest()

    def same_as(self, other: Quotes) -> bool:
        """Whether the digests are the same, in less time."""
        return self.columns.keys() == other.columns.keys() and all(
            np.array_equal(own.view("int64"), more.view("int64"))
            for own, more in zip(
                (self.times, *self.columns.values()),
                (other.times, *(other.columns[name] for name in self.columns)),
                strict=True,
            )
        )

    def copy(self) -> Quotes:
        """With arrays of its own."""
        return Quotes(self.times.copy(), {n: v.copy() for n, v in self.columns.items()})

    def series(self, target: Target, step_minutes: int, end: int) -> Series:
        """The grid from the first quote to `end` (nanoseconds since 1970)."""
        step = step_minutes * MINUTE
        first = -(-int(self.times[0]) // step)
        at = np.arange(first, end // step + 1, dtype="int64") * step
        grid = grid_columns(self.times, self.columns, at, staleness_limit(step_minutes))
        return series_of(at, grid, target, step_minutes)


@dataclass(frozen=True)
class DayState:
    """`weights` (horizons, experts, levels) and `width` (horizons, levels) of the pool, and the
    `capped` moves (n,) of the grid rows before midnight, the last one being the row before it."""

    weights: np.ndarray
    width: np.ndarray
    capped: np.ndarray

    def capped_of(self, rows: int) -> np.ndarray:
        """(rows,) capped moves of the rows before midnight; NaN where there was no row."""
        found = np.full(rows, np.nan)
        part = self.capped[max(0, len(self.capped) - rows) :]
        found[rows - len(part) :] = part
        return found


class DayStates:
    """The states that were asked for last, `most` of them; threads may share it."""

    def __init__(self, most: int = MOST_DAYS) -> None:
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[tuple[int, bytes], DayState] = OrderedDict()
        #: The last one given, and the quotes that it was made of: a day's forecasts ask for one.
        self._last: tuple[int, Quotes, DayState] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, day: int, before: Quotes, make: Callable[[], DayState]) -> DayState:
        """The state of `day` (number since 1970), made of the quotes `before` its midnight."""
        last = self._last
        if last is not None and last[0] == day and last[1].same_as(before):
            return last[2]
        key = (day, before.digest())
        # Held while a state is made: of many requests after midnight one does the work.
        with self._lock:
            state = self._kept.get(key) or make()
            self._kept[key] = state
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            self._last = (day, before.copy(), state)
        return state
