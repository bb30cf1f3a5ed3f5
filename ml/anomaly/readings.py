"""Rows of quotes as they come -> readings, and what the readings before a row say. Never a look
ahead.

A marketplace is often asked for its two sides one after the other, and some collectors ask twice
within seconds. Rows that come within minutes of each other are therefore one *reading*: each row is
seen as the reading so far, and what comes after it is compared with the last row of the reading
before. A row is scored the moment it arrives, whatever may still be joined to it.

What is usual is taken from the readings before a row, never with the row itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from ml.quotes import SIDES, SIZE_COLUMNS

#: Minutes from the first row of a reading in which rows still belong to it, and the same as a share
#: of the market's usual gap: candles of one minute are one reading each.
JOIN_MINUTES = 5.0
JOIN_SHARE = 0.4
#: Readings of the trailing quantile (15 days at half-hour steps) and how many make it trustworthy.
TRAIL = 720
TRUSTED = 240
_QUANTILE = 0.9
#: The quantile is taken anew when a clock of so many usual gaps has moved on.
_REFRESH = 24
_MINUTE = 6e10  # nanoseconds
#: Up to so many readings are put into order one by one, beyond in passing.
_FEW = 128


def price_columns(columns: pd.Index | tuple[str, ...]) -> tuple[str, ...]:
    """The price columns that this market has: its sides, else the price without a side."""
    sides = tuple(c for c in SIDES if c in columns)
    return sides or ("price",)


def read_columns(columns: pd.Index | tuple[str, ...]) -> tuple[str, ...]:
    """The columns out of which readings are made: the prices first, then volumes and offers."""
    return (*price_columns(columns), *(c for c in SIZE_COLUMNS if c in columns))


@dataclass(frozen=True)
class Readings:
    """All arrays are by input row. seen: (rows, columns) logarithms of what the reading so far
    holds, NaN for what is missing; filled: the same with the last known value instead. reading:
    (rows,) number of the row's reading, from 0. last: (readings,) number of its last row. minutes:
    (rows,) time in minutes since 1970. since: side -> (rows,) minutes since that side was last seen
    in an earlier reading, NaN before that."""

    columns: tuple[str, ...]
    seen: np.ndarray
    filled: np.ndarray
    reading: np.ndarray
    last: np.ndarray
    minutes: np.ndarray
    since: dict[str, np.ndarray]

    def from_row(self, row: int) -> Readings:
        """Those from a row on, the first one of a reading."""
        return Readings(
            self.columns,
            self.seen[row:],
            self.filled[row:],
            self.reading[row:] - self.reading[row : row + 1],
            self.last[self.last >= row] - row,
            self.minutes[row:],
            {side: minutes[row:] for side, minutes in self.since.items()},
        )

    def rows_before(self, row: int, readings: int) -> int:
        """The first row of the reading that lies so many readings before that of a row, or of all
        rows."""
        number = int(self.reading[row]) - readings
        return int(self.last[number - 1]) + 1 if number > 0 else 0

    def before(self, series: np.ndarray, back: int = 1) -> np.ndarray:
        """(readings, ...) -> (rows, ...): the entry `back` readings before each row's own; the
        first entry where there is none."""
        return series[np.maximum(self.reading - back, 0)]


def usual_gap(index: pd.DatetimeIndex) -> float:
    """Median minutes between rows, those of a split or doubled scrape left aside."""
    gaps = np.diff(index.as_unit("ns").asi8) / _MINUTE
    gaps = gaps[gaps > 0]
    wide = (
        gaps[gaps > min(JOIN_MINUTES, JOIN_SHARE * float(np.median(gaps)))] if len(gaps) else gaps
    )
    return float(np.median(wide)) if len(wide) else 30.0


def minutes_of(index: pd.DatetimeIndex) -> np.ndarray:
    """(rows,) minutes since 1970."""
    return index.as_unit("ns").asi8 / _MINUTE


def join_minutes(usual: float) -> float:
    """Minutes within which rows belong to one reading, where readings are `usual` minutes apart."""
    return min(JOIN_MINUTES, JOIN_SHARE * usual)


def _number(minutes: np.ndarray, join: float) -> np.ndarray:
    """(rows,) number of the reading that each row belongs to."""
    out = np.empty(len(minutes), np.int64)
    number, start = -1, -np.inf
    for i, now in enumerate(minutes.tolist()):
        if not 0 <= now - start <= join:
            number, start = number + 1, now
        out[i] = number
    return out


def log(values: np.ndarray) -> np.ndarray:
    """Natural logarithm; what is not positive is unknown (NaN)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(values > 0, np.log(values), np.nan)


def read_rows(quotes: pd.DataFrame, *, usual: float) -> Readings:
    """Readings of a table in the order in which it came; `usual` are the market's minutes between
    readings (see `usual_gap`). Times may be doubled or step back."""
    columns = read_columns(quotes.columns)
    logs = log(quotes[list(columns)].to_numpy(float))
    minutes = minutes_of(pd.DatetimeIndex(quotes.index))
    reading = _number(minutes, join_minutes(usual))
    seen = logs
    doubled = np.flatnonzero(np.diff(reading) == 0) + 1
    if len(doubled):
        seen = pd.DataFrame(logs).groupby(reading).ffill().to_numpy()
    last = np.flatnonzero(np.r_[np.diff(reading) != 0, True]) if len(reading) else reading
    # Before its first value a column has none: then it starts at that value, without a move.
    filled = np.where(np.isfinite(seen), seen, _last_known(seen[last])[reading])
    sides = columns[: len(price_columns(columns))]
    times = np.where(np.isfinite(seen[last, : len(sides)]), minutes[last, None], np.nan)
    gone = np.maximum(minutes[:, None] - _last_known(times)[reading], 0.0)
    since = {side: gone[:, i] for i, side in enumerate(sides)}
    return Readings(columns, seen, filled, reading, last, minutes, since)


def _last_known(series: np.ndarray) -> np.ndarray:
    """(readings, columns) -> the same: what was last known before each reading, NaN where nothing
    was."""
    if not len(series):
        return series
    number = np.where(np.isnan(series), -1, np.arange(len(series))[:, None])
    place = np.concatenate([np.full((1, series.shape[1]), -1), np.maximum.accumulate(number)[:-1]])
    return np.where(place >= 0, np.take_along_axis(series, np.maximum(place, 0), axis=0), np.nan)


def _medians(series: np.ndarray, rows: int) -> np.ndarray:
    """(readings,) median of what is known of each reading and the `rows` - 1 before it."""
    if len(series) > _FEW:
        rolling = pd.Series(series).rolling(rows, min_periods=1)
        found: np.ndarray = rolling.median().to_numpy()
        return found
    padded = np.concatenate([np.full(rows - 1, np.nan), series])
    ordered = np.sort(sliding_window_view(padded, rows), axis=1)  # NaN goes last
    count = rows - np.isnan(ordered).sum(axis=1)
    at = np.arange(len(series))
    return (ordered[at, np.maximum(count - 1, 0) // 2] + ordered[at, count // 2 % rows]) / 2


def past_median(readings: Readings, level: np.ndarray, rows: int) -> np.ndarray:
    """(rows,) median of the last `rows` readings before each row; its own value for the first."""
    return readings.before(_medians(level[readings.last], rows))


def clock_of(minutes: np.ndarray, usual: float) -> np.ndarray:
    """Number of the stretch of the clock in which each time lies."""
    return np.floor(minutes / (_REFRESH * usual) + 1e-9).astype(np.int64)


def quantile_of(block: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """(rows, k) -> (k,): the 90 % quantile, leaning towards `fallback` while there are fewer than
    TRUSTED rows, and never below a quarter of it."""
    if not len(block):
        return fallback
    place = int(_QUANTILE * (len(block) - 1))
    weight = min(len(block) / TRUSTED, 1.0)
    local = np.partition(block, place, axis=0)[place]
    return np.maximum(weight * local + (1 - weight) * fallback, fallback / 4)


def _stretches(readings: Readings, usual: float) -> np.ndarray:
    """(stretches,) the first reading of each stretch of the clock."""
    # A reading's quantile stands when its first row comes, so no row of its own is in it.
    begins = np.r_[0, readings.last[:-1] + 1] if len(readings.last) else readings.last
    clock = clock_of(readings.minutes[begins], usual)
    return np.flatnonzero(np.r_[True, np.diff(clock) != 0][: len(clock)])


def trailing_start(readings: Readings, usual: float, first: int) -> int:
    """The first row that the trailing quantiles of the row `first` and of later ones rest on; not
    after `first`."""
    starts = _stretches(readings, usual)
    own = int(readings.reading[first])
    start = int(starts[np.searchsorted(starts, own, side="right") - 1])
    return min(first, int(readings.last[max(0, start - TRAIL)]))


def trailing_quantile(
    readings: Readings, sizes: np.ndarray, fallback: np.ndarray, usual: float, first: int = 0
) -> np.ndarray:
    """(rows, k) sizes -> (rows - first, k): their quantile over the TRAIL readings before each row,
    from the row `first` on; of the sizes before its `trailing_start` nothing is used."""
    if first >= len(sizes):
        return np.empty_like(sizes[first:])
    series, own = sizes[readings.last], int(readings.reading[first])
    starts = _stretches(readings, usual)
    out = np.empty_like(series)
    for start, end in zip(starts, np.r_[starts[1:], len(series)], strict=True):
        if end > own:
            out[start:end] = quantile_of(series[max(0, start - TRAIL) : start], fallback)
    return out[readings.reading[first:]]
