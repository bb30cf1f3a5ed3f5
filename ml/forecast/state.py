"""What a day's forecasts owe to the weeks before its midnight: weights, widths, capped moves.

It takes some 340 earlier forecasts, and is the same all day: the servers keep it. It is found by
the very quotes that it was made of, so that a corrected history never meets a stale state.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.forecast.quotes import Quotes

MOST_DAYS = 16


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
    """The states that were asked for last; threads may share it."""

    def __init__(self, most: int = MOST_DAYS) -> None:
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[tuple[int, bytes], DayState] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, day: int, before: Quotes, make: Callable[[], DayState]) -> DayState:
        """The state of `day`, made of the quotes `before` its midnight."""
        key = (day, before.digest())
        # Held while a state is made: of many requests after midnight one does the work.
        with self._lock:
            state = self._kept.get(key) or make()
            self._kept[key] = state
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return state
