"""A grid as plain arrays, and small causal statistics of them: row t sees rows up to t only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

import numpy as np
import pandas as pd

from ml.forecast.targets import Target

SLOW_DAYS, FAST_DAYS = 28, 3
MEMORY_DAYS = 7  # less history than this is "short": profiles and slow scales are absent
#: Days needed so that the last row's forecast is what it would be with all history.
LOOKBACK_DAYS = 3 * SLOW_DAYS + 4
#: Days that the inputs of a row are made of, but for its scale (see `move_scales`).
TAIL_DAYS = SLOW_DAYS + 2
#: Known share of a window below which it is full of gaps.
WHOLE_SHARE = 0.75
_CAP_LEVEL = 0.98


@dataclass(frozen=True)
class Series:
    """n grid rows, at `times` (n,) nanoseconds since 1970. `y` is the encoded target, `other` the
    other quantity (None without sides), both NaN where missing; `ages` (n, sides) minutes since
    each side's quote; `minute` of the day."""

    times: np.ndarray
    step_minutes: int
    value: np.ndarray
    y: np.ndarray
    other: np.ndarray | None
    ages: np.ndarray
    minute: np.ndarray

    @property
    def per_day(self) -> int:
        """Grid rows of a day."""
        return max(1, 1440 // self.step_minutes)

    @property
    def clock(self) -> np.ndarray:
        """(n,) number of each row since 1970."""
        return self.times // (60 * 10**9 * self.step_minutes)

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """Of the rows."""
        return pd.DatetimeIndex(self.times, tz="UTC")

    @cached_property
    def change(self) -> np.ndarray:
        """(n,) the `moves` of the target."""
        return moves(self.y)

    @cached_property
    def size(self) -> np.ndarray:
        """(n,) size of each of them."""
        return np.abs(self.change)

    def __len__(self) -> int:
        return len(self.y)


def make_series(grid: pd.DataFrame, target: Target, step_minutes: int) -> Series:
    """The series of a frame that `ml.grid.build_grid` made."""
    columns = {name: grid[name].to_numpy() for name in grid.columns}
    times = pd.DatetimeIndex(grid.index).as_unit("ns").asi8
    return series_of(times, columns, target, step_minutes)


def series_of(
    times: np.ndarray,
    grid: Mapping[str, np.ndarray],
    target: Target,
    step_minutes: int,
) -> Series:
    """The same from the columns of a grid as plain arrays."""
    value = grid[target.column]
    other = None
    if "spread_pct" in grid:
        mid = grid["mid"]
        price = 100 * np.log(np.where(mid > 0, mid, np.nan))
        other = grid["spread_pct"] if target.column == "mid" else price
    sides = [c for c in ("bid_age", "ask_age", "price_age") if c in grid]
    return Series(
        times=times,
        step_minutes=step_minutes,
        value=value,
        y=target.encode(value),
        other=other,
        ages=np.array([grid[side] for side in sides]).T.copy(),
        minute=(times // (60 * 10**9) % 1440).astype("float64"),
    )


def moves(values: np.ndarray) -> np.ndarray:
    """(n,) change since the row before; NaN at the start and beside a gap."""
    found = np.full(len(values), np.nan)
    np.subtract(values[1:], values[:-1], out=found[1:])
    return found


def trailing_mean(values: np.ndarray, rows: int, least: int | None = None) -> np.ndarray:
    """(n,) mean of the known values among the last `rows`, NaN where fewer than `least` are."""
    return trailing_means(values, [rows], [least])[0]


def trailing_means(
    values: np.ndarray, spans: Sequence[int], least: Sequence[int | None] = ()
) -> list[np.ndarray]:
    """The same over several numbers of rows, by default with a quarter of them."""
    known = np.isfinite(values)
    totals = np.where(known, values, 0.0).cumsum()
    counts = known.cumsum(dtype="float64")
    found = []
    for rows, fewest in zip_longest(spans, least):
        total, count = totals.copy(), counts.copy()
        total[rows:] -= totals[:-rows]
        count[rows:] -= counts[:-rows]
        mean = np.full(len(values), np.nan)
        np.divide(total, count, out=mean, where=count >= (fewest or max(1, rows // 4)))
        found.append(mean)
    return found


def trailing_means_at(
    values: np.ndarray, rows: np.ndarray, spans: Sequence[int]
) -> list[np.ndarray]:
    """What `trailing_means` has at the numbers `rows` (m,), each (m,). A single one is summed over
    its own spans alone, not over the whole series."""
    if len(rows) != 1:
        return [found[rows] for found in trailing_means(values, spans)]
    end = int(rows[0]) + 1
    part = values[max(0, end - max(spans)) : end][::-1]
    known = np.isfinite(part)
    totals = np.where(known, part, 0.0).cumsum().tolist()
    counts = known.cumsum().tolist()
    found = []
    for span in spans:
        count = counts[min(span, len(part)) - 1]
        total = totals[min(span, len(part)) - 1]
        found.append(np.array([total / count if count >= max(1, span // 4) else np.nan]))
    return found


def take(values: np.ndarray, rows: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(m, *k) values at rows + offsets (*k,); NaN before the first row. Offsets are never
    positive."""
    at = rows.reshape(-1, *[1] * offsets.ndim) + offsets
    if at.min(initial=0) >= 0:  # the usual case
        found: np.ndarray = values[at]
        return found
    return np.where(at >= 0, values[np.maximum(at, 0)], np.nan)


def last_rows(values: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """(m, count) values at `rows` (m,) and at those before them, newest first; NaN before the first
    row. Of a single one it is a view."""
    if len(rows) == 1 and rows[0] >= count - 1:
        end = int(rows[0]) + 1
        found: np.ndarray = values[None, end - count : end][:, ::-1]
        return found
    return take(values, rows, -np.arange(count))


def median(table: np.ndarray) -> np.ndarray:
    """(*m,) median of the known values of each line (*m, k); NaN where none is known."""
    if table.ndim > 2:
        return median(table.reshape(-1, table.shape[-1])).reshape(table.shape[:-1])
    if len(table) == 1:  # a single forecast asks for many of these
        known = sorted(_known(table))
        half = len(known) // 2
        return np.array([(known[(len(known) - 1) // 2] + known[half]) / 2 if known else np.nan])
    ordered = np.sort(table, axis=1)  # NaN goes last
    count = np.isfinite(table).sum(axis=1)
    low = np.maximum((count - 1) // 2, 0)
    high = np.minimum(count // 2, table.shape[1] - 1)
    line = np.arange(len(table))
    return np.where(count > 0, (ordered[line, low] + ordered[line, high]) / 2, np.nan)


def mean(table: np.ndarray) -> np.ndarray:
    """(*m,) mean of the known values of each line (*m, k); NaN where none is known."""
    if table.ndim == 2 and len(table) == 1:
        line = _known(table)
        return np.array([sum(line) / len(line) if line else np.nan])
    known = np.isfinite(table)
    count = known.sum(axis=-1)
    total = np.where(known, table, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def _known(table: np.ndarray) -> list[float]:
    """The known values of the only line of a table (1, k)."""
    return [x for x in table[0].tolist() if x == x]


@dataclass(frozen=True)
class Scales:
    """Typical size of a one-step move, percent: `slow` over 28 days, `fast` over 3 days; moves are
    `capped` at their trailing 98 % quantile."""

    slow: np.ndarray
    fast: np.ndarray
    capped: np.ndarray


def move_scales(
    size: np.ndarray, per_day: int, window: int, capped: np.ndarray | None = None
) -> Scales:
    """The scales of every row, from the `size` (n,) of its moves; of a tail of a longer series,
    those of its rows after the first `capped` (k,), the capped moves of the whole series there."""
    slow_rows, least = SLOW_DAYS * per_day, min(window, per_day) // 2
    if capped is None:
        cap = pd.Series(size).rolling(slow_rows, min_periods=least).quantile(_CAP_LEVEL).to_numpy()
        own = np.fmin(size, cap)
    else:
        cap = last_caps(size, slow_rows, least, len(size) - len(capped))
        own = np.concatenate([capped, np.fmin(size[len(capped) :], cap)])
    fast_rows, known = FAST_DAYS * per_day, MEMORY_DAYS * per_day // 2
    slow, fast = trailing_means(own, [slow_rows, fast_rows], [known, None])
    return Scales(slow, fast, own)


def last_caps(size: np.ndarray, rows: int, least: int, count: int) -> np.ndarray:
    """(count,) the rolling quantile of `move_scales` at the last rows, in less time: only the
    largest moves can be it."""
    tail = size[-(rows + count - 1) :]
    end = np.arange(len(tail) - count, len(tail))
    known = np.isfinite(tail)
    seen = np.concatenate([[0], known.cumsum()])
    n = seen[end + 1] - seen[np.maximum(end + 1 - rows, 0)]
    most = min(len(tail), int((1 - _CAP_LEVEL) * rows) + 2 + count)
    at = np.argpartition(np.where(known, tail, -np.inf), len(tail) - most)[-most:]
    inside = (at > end[:, None] - rows) & (at <= end[:, None]) & known[at]
    ordered = np.sort(np.where(inside, tail[at], 0.0), axis=1)
    place = _CAP_LEVEL * np.maximum(n - 1, 0)
    low, line = place.astype(int), np.arange(count)
    from_top = np.minimum(n - low, most)  # 1 is the largest
    below, above = ordered[line, -from_top], ordered[line, -np.maximum(from_top - 1, 1)]
    some = n >= max(least, 1)
    return np.where(some, below, np.nan) + np.where(some, (place - low) * (above - below), 0.0)
