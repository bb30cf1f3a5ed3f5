"""What is forecast: the target's own scale and ticks, its cleaning for training, and the split in
time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.errors import BadQuotes, NotEnoughData
from ml.forecast.metrics import LEVELS
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

#: Powers of ten below that of a typical price in which its tick is looked for.
_TICK_DECADES = 7
_ON_TICKS = 0.95
_EXACT = 1e-4  # ticks
_FAR = 1.0  # ticks: outer quantiles further out stay as they are, or they would cover too little
_OUTER = (LEVELS < 0.2) | (LEVELS > 0.8)
#: (levels,) away from the centre.
OUTWARD = np.sign(LEVELS - 0.5)
#: A hair's breadth: ticks, and share of the value, which is more than ten digits round off.
_HAIR, ROUNDING = 1e-5, 1e-9


@dataclass(frozen=True)
class Target:
    """A forecast quantity. Networks see it *encoded*, where moves add up in percent: 100 ln(mid)
    for the price (so that a forecast price is always positive), percent of mid for the spread."""

    task: Task

    @property
    def column(self) -> str:
        """The grid's column that is forecast."""
        return "mid" if self.task is Task.PRICE else "spread_pct"

    @property
    def unit(self) -> str:
        """Of a forecast: "price" (fiat per asset) or "spread_pct" (percent of mid)."""
        return "price" if self.task is Task.PRICE else "spread_pct"

    def encode(self, values: np.ndarray) -> np.ndarray:
        """(n,) values in the encoded unit; a price that is not positive is unknown."""
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
            missing = {c: "is missing" for c in ("bid", "ask") if c not in columns}
            raise BadQuotes("A spread needs both sides of the market, bid and ask.", missing)
        return (next(c for c in ("price", "bid", "ask") if c in columns),)

    def tick_steps(
        self, last: np.ndarray, other: np.ndarray | None, tick_size: float
    ) -> np.ndarray:
        """(m,) step of the forecast quantity at origins of the value `last` (m,) and the `other`
        quantity (m,), encoded, None without sides: half a tick for the mean of two sides, the
        tick's share of the price in percent for a spread. NaN where there is no tick (0), and
        where the last value is off it: the market may quote more finely by now."""
        if not tick_size:
            return np.full(len(last), np.nan)
        if self.task is Task.SPREAD and other is not None:
            price = np.exp(other / 100)
            unit = 100 * tick_size / price
        else:
            price = last
            unit = np.full(len(last), tick_size if other is None else tick_size / 2)
        # A small part of a step is no multiple of it: the tick is one of another unit of prices.
        steps = np.abs(last / unit)
        on = (_off(steps) < 100 * _EXACT) & ((steps > 0.5) | (steps < _EXACT * _HAIR))
        return np.where(on & (price >= 2 * tick_size), unit, np.nan)


# ------------------------------------------------------------------------- quotes stand on ticks
def find_tick_size(prices: np.ndarray) -> float:
    """The largest step of which nearly all known prices are multiples; 0 where there is none. It is
    looked for below the prices themselves, whatever their scale."""
    prices = prices[np.isfinite(prices) & (prices > 0)]
    if not len(prices):
        return 0.0
    top = int(np.floor(np.log10(np.median(prices)) + ROUNDING))
    for power in range(top, top - _TICK_DECADES, -1):
        for size in (float(f"{digit}e{power}") for digit in (5, 2, 1)):
            if (_off(prices / size) < _EXACT).mean() >= _ON_TICKS:
                return size
    return 0.0


def _off(steps: np.ndarray) -> np.ndarray:
    return np.abs(steps - np.rint(steps))


def snapped(values: np.ndarray, last: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """(m, horizons, levels) quantiles on multiples of `steps` (m,) counted from `last` (m,).

    A quantile often *is* the value that comes, be it a tick or the last value. All but the centre
    are moved outwards by a hair, so that an interval still holds its own end after the figures went
    through a file.
    """
    steps, last = steps[:, None, None], last[:, None, None]
    away = (values - last) / steps
    keep = ~np.isfinite(away) | (_OUTER & (np.abs(away) > _FAR))
    found = np.where(keep, values, last + np.rint(away) * steps)
    hair = np.fmax(_HAIR * steps, ROUNDING * np.abs(found))
    return found + OUTWARD * hair


# --------------------------------------------------------------------------- what is learnt from
@dataclass(frozen=True)
class Split:
    """Origins (grid row numbers) of the three stretches, in time order, with an embargo between:
    no target of a stretch, nor the window that cleans it, reaches the next stretch's origins."""

    train: range
    valid: range
    test: range
    embargo: int

    def without_test(self, known: np.ndarray) -> Split:
        """The split that learns up to the end of the rows, and measures itself where it validates;
        `known` (rows,) as for `split_rows`."""
        stop = len(known) - 1 - max(HORIZONS)
        valid = _stretch(known, stop, len(self.valid))
        train = range(self.train.start, valid.start - self.embargo)
        return Split(train, valid, valid, self.embargo)


def split_rows(known: np.ndarray, *, window: int, per_day: int) -> Split:
    """Split a grid whose rows have a known target where `known` (rows,). A stretch that is mostly
    a pause reaches back until it holds as many known rows as one without. Raises NotEnoughData
    where the rows do not suffice."""
    rows, present = len(known), int(known.sum())
    needed = max(MIN_ROWS, 20 * window)
    if min(rows, present if present < rows / 2 else rows) < needed:
        raise NotEnoughData(
            f"A forecast needs at least {needed} grid rows to learn from, and has {present}.",
            needed=needed,
            present=present,
        )
    embargo = max(HORIZONS) + window
    part = min(TEST_DAYS * per_day, int(rows * TEST_SHARE))
    if present < rows / 2:
        part = min(TEST_DAYS * per_day, int(present * TEST_SHARE))
    test = _stretch(known, rows, part)
    valid = _stretch(known, test.start - embargo, part)
    return Split(range(window - 1, max(window - 1, valid.start - embargo)), valid, test, embargo)


def _stretch(known: np.ndarray, stop: int, part: int) -> range:
    """The last `part` rows before `stop`, or as many more as hold so many known ones, where of
    those fewer than half are known."""
    start = max(stop - part, 0)
    if 2 * known[start : max(stop, 0)].sum() >= part:
        return range(start, max(stop, start))
    places = np.flatnonzero(known[: max(stop, 0)])
    return range(int(places[-part]) if len(places) >= part else 0, max(stop, 0))


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
    return np.abs(moves) > _UNCHANGED
