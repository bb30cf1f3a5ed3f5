"""What is forecast: the target's own scale, its cleaning for training, and the split in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.errors import BadQuotes, NotEnoughData
from ml.tasks import HORIZONS, Task

MIN_ROWS = 1000
TEST_DAYS = 30
TEST_SHARE = 0.15
PATH_CLIP = 15.0  # of a linear path, in trailing scales
#: (horizons,) of a normalised move, in trailing scales. It grows with the horizon: a random walk's
#: own 24-hour moves reach 15 one-step scales in one day of six.
CLIP = PATH_CLIP * np.asarray(HORIZONS, dtype="float64") ** 0.4
_UNCHANGED = 1e-9
_CLEAN_SIGMAS = 5.0
_CLEAN_FLOOR = {Task.PRICE: 0.1, Task.SPREAD: 0.05}  # percent


@dataclass(frozen=True)
class Target:
    """A forecast quantity. Networks see it *encoded*, where moves add up in percent: 100 ln(mid)
    for the price (so that a forecast price is always positive), percent of mid for the spread."""

    task: Task

    @property
    def column(self) -> str:
        return "mid" if self.task is Task.PRICE else "spread_pct"

    @property
    def unit(self) -> str:
        return "price" if self.task is Task.PRICE else "spread_pct"

    def encode(self, values: np.ndarray) -> np.ndarray:
        if self.task is Task.SPREAD:
            return values
        return 100 * np.log(np.where(values > 0, values, np.nan))

    def moved(self, value: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """A value after an encoded move: no move gives the very same value back."""
        return value + moves if self.task is Task.SPREAD else value * np.exp(moves / 100)

    def price_columns(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The columns this target is made of, out of those a frame has; raises BadQuotes."""
        if {"bid", "ask"} <= set(columns):
            return ("bid", "ask")
        if self.task is Task.SPREAD:
            missing = {c: "missing" for c in ("bid", "ask") if c not in columns}
            raise BadQuotes("A spread needs both sides of the market, bid and ask.", missing)
        return (next(c for c in ("price", "bid", "ask") if c in columns),)


@dataclass(frozen=True)
class Split:
    """Origins (grid row numbers) of the three stretches, in time order, with an embargo between:
    no target of a stretch, nor the window that cleans it, reaches the next stretch's origins."""

    train: range
    valid: range
    test: range
    embargo: int


def split_rows(rows: int, *, window: int, per_day: int) -> Split:
    """Split a grid of `rows` rows. Raises NotEnoughData where the rows do not suffice."""
    needed = max(MIN_ROWS, 20 * window)
    if rows < needed:
        raise NotEnoughData(
            f"A forecast needs at least {needed} grid rows to learn from, and has {rows}.",
            needed=needed,
            present=rows,
        )
    embargo = max(HORIZONS) + window
    part = min(TEST_DAYS * per_day, int(rows * TEST_SHARE))
    test = range(rows - part, rows)
    valid = range(test.start - embargo - part, test.start - embargo)
    return Split(range(window - 1, valid.start - embargo), valid, test, embargo)


def clean_mask(encoded: np.ndarray, task: Task, half: int) -> np.ndarray:
    """(n,) True where a value is near the median of the `half` rows on either side.

    It looks ahead: only training targets are chosen by it, never an input, never a test.
    """
    series = pd.Series(encoded)
    window = 2 * half + 1
    median = series.rolling(window, center=True, min_periods=half).median()
    spread = (series - median).abs().rolling(window, center=True, min_periods=half).median()
    limit = _CLEAN_SIGMAS * np.maximum(1.4826 * spread, _CLEAN_FLOOR[task])
    return ((series - median).abs() <= limit).to_numpy()


def future(encoded: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(m, horizons) values at the horizons of each origin; NaN beyond the end."""
    at = rows[:, None] + np.asarray(HORIZONS)[None, :]
    values = encoded[np.minimum(at, len(encoded) - 1)]
    return np.where(at < len(encoded), values, np.nan)


def has_changed(moves: np.ndarray) -> np.ndarray:
    """True where a move is more than rounding; a missing move has not changed."""
    return np.abs(np.nan_to_num(moves)) > _UNCHANGED
