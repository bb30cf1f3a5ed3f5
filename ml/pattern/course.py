"""What channels, labels and the library share of one grid: its path, its scales, its sides.

Each series is made once, and every row of it from rows up to its own. So a course goes on from
the one before: the rows of the grid that are the same keep what was made of them, and a quote later
only the new row is made. A month's rolling median is most of what naming a pattern costs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ml.pattern.rolling import rolling_mean, rolling_median

#: Rows: 48 make a day at half-hour steps.
DAY = 48
HALF = DAY // 2
MONTH = 28 * DAY
#: Rows of a "quick" move (3 h) and of the neighbourhood in which a shock is felt (4.5 h).
QUICK = 6
NEAR = 9
#: Rows of history that the trailing scales want before anything is named.
WARM_UP = 4 * DAY
LEAST_SCALE = 0.002
LEAST_MOVE = 1e-6
#: Columns of a grid behind the depth of a market.
_DEPTH = ("bid_volume", "ask_volume")


class Course:
    """The series of a grid, each (rows,) float64, NaN where unknown. `before`: the course of an
    earlier grid of the same market; what it made of the same rows stands."""

    def __init__(self, grid: pd.DataFrame, before: Course | None = None) -> None:
        self.grid = grid
        self.seconds = grid.index.as_unit("s").asi8
        self._figures = grid.to_numpy()
        self._made: dict[str, np.ndarray] = {}
        self._kept: dict[str, np.ndarray] = {}
        #: Leading rows that are the same as they were.
        self.known = 0
        #: What the columns of the channels are called, once they are made.
        self.names: tuple[str, ...] = before.names if before is not None else ()
        if before is not None and list(before.grid.columns) == list(grid.columns):
            first, self.known = self._shared(before)
            part = slice(first, first + self.known)
            self._kept = {n: made[part] for n, made in (before._kept | before._made).items()}

    def _shared(self, before: Course) -> tuple[int, int]:
        """(the row of the earlier grid at which this one begins, rows that are the same)."""
        first = int(np.searchsorted(before.seconds, self.seconds[0]))
        rows = min(len(before.seconds) - first, len(self.seconds))
        if rows <= 0:
            return 0, 0
        old, new = before._figures[first : first + rows], self._figures[:rows]
        same = ((old == new) | (np.isnan(old) & np.isnan(new))).all(axis=1)
        same &= before.seconds[first : first + rows] == self.seconds[:rows]
        return first, rows if same.all() else int(np.argmin(same))

    def goes_on(self, name: str, make: Callable[[int], np.ndarray]) -> np.ndarray:
        """The series of that name, (rows, ...): what was made of the rows that are known, and
        `make` for the last ones, so many of them."""
        found = self._made.get(name)
        if found is None:
            kept = self._kept.pop(name, None)
            rows = len(self.seconds) - (0 if kept is None else len(kept))
            if kept is None:
                found = make(rows)
            else:
                found = np.concatenate([kept, make(rows)]) if rows else kept
            self._made[name] = found
        return found

    def column(self, name: str, rows: int) -> np.ndarray:
        """(rows,) last ones of a column of the grid."""
        found: np.ndarray = self._figures[-rows:, self.grid.columns.get_loc(name)]
        return found

    @property
    def path(self) -> np.ndarray:
        """Log mid. A missing side is bridged by the last known value for a day at most."""
        return self.goes_on("path", lambda rows: _log_bridged(self, ("mid",), rows))

    @property
    def smooth(self) -> np.ndarray:
        """The path without single bad quotes: median of the last three rows. Causal."""
        path = self.path
        return self.goes_on("smooth", lambda rows: rolling_median(path, 3, least=1, rows=rows))

    @property
    def quick(self) -> np.ndarray:
        """Size of the log move of the smooth path over the last 3 h."""
        smooth = self.smooth
        return self.goes_on("quick", lambda rows: np.abs(diff(smooth, QUICK, rows)))

    @property
    def scale(self) -> np.ndarray:
        """s24: robust standard deviation of a day's log move over the last 28 days."""
        smooth = self.smooth
        moves = self.goes_on("moves", lambda rows: np.abs(diff(smooth, DAY, rows)))

        def make(rows: int) -> np.ndarray:
            usual = rolling_median(moves, MONTH, least=DAY, rows=rows)
            return np.maximum(usual / 0.6745, LEAST_SCALE)

        return self.goes_on("scale", make)

    @property
    def stir(self) -> np.ndarray:
        """The day's mean quick move."""
        quick = self.quick
        return self.goes_on("stir", lambda rows: rolling_mean(quick, DAY, least=HALF, rows=rows))

    @property
    def usual(self) -> np.ndarray:
        """Usual agitation: the 28-day median of the day's mean quick move."""
        stir = self.stir

        def make(rows: int) -> np.ndarray:
            return np.maximum(rolling_median(stir, MONTH, least=DAY, rows=rows), LEAST_MOVE)

        return self.goes_on("usual", make)

    def heads(self) -> tuple[str, ...]:
        """The side heads that the grid's columns allow."""
        there = {"spread": "spread_pct" in self.grid, "liquidity": bool(_depth_of(self.grid))}
        return tuple(head for head, has in there.items() if has)

    def side(self, head: str) -> np.ndarray:
        """The series behind a side head: the spread, or the log of the smaller side's volume."""
        if head == "spread":
            return self.goes_on(head, lambda rows: _bridged(self, ("spread_pct",), rows)[:, 0])
        return self.goes_on(head, lambda rows: _log_bridged(self, _depth_of(self.grid), rows))

    def half(self, head: str) -> np.ndarray:
        """The half day's median of a side."""
        side = self.side(head)
        name = f"{head} half"
        return self.goes_on(name, lambda rows: rolling_median(side, HALF, least=1, rows=rows))

    def typical(self, name: str, series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """28-day median of the series of that name, and median absolute deviation from it."""

        def month(values: np.ndarray) -> Callable[[int], np.ndarray]:
            return lambda rows: rolling_median(values, MONTH, least=DAY, rows=rows)

        middle = self.goes_on(f"{name} middle", month(series))
        off = self.goes_on(f"{name} off", lambda rows: np.abs(series[-rows:] - middle[-rows:]))
        mad = self.goes_on(f"{name} mad", month(off))
        return middle, np.maximum(mad, LEAST_MOVE)


def diff(values: np.ndarray, span: int, rows: int) -> np.ndarray:
    """(rows,) change of the last rows since `span` rows before; NaN where there was none."""
    part = values[-(rows + span) :]
    short = rows + span - len(part)
    if short:
        part = np.concatenate([np.full(short, np.nan), part])
    found: np.ndarray = part[span:] - part[:-span]
    return found


def slope(path: np.ndarray, span: int, rows: int) -> np.ndarray:
    """(rows,) least-squares slope per row over the last `span` + 1 rows, NaN where one is
    missing."""
    x = np.arange(span + 1) - span / 2
    weight = x / np.sum(x**2)
    part = path[-(rows + span) :]
    out = np.full(rows, np.nan)
    if len(part) > span:
        found = np.convolve(part, weight[::-1], mode="valid")
        out[-len(found) :] = found
    return out


def _depth_of(grid: pd.DataFrame) -> tuple[str, ...]:
    return tuple(name for name in _DEPTH if name in grid.columns)


def _bridged(
    course: Course, names: tuple[str, ...], rows: int, *, above: bool = False
) -> np.ndarray:
    """(rows, names): the last known values, a day old at most; with `above` those over 0 count."""
    table = np.column_stack([course.column(name, rows + DAY) for name in names])
    if above:
        table = np.where(table > 0, table, np.nan)
    if np.isnan(table).any():
        table = pd.DataFrame(table).ffill(limit=DAY).to_numpy()
    return table[-rows:]


def _log_bridged(course: Course, names: tuple[str, ...], rows: int) -> np.ndarray:
    """(rows,) log of the smallest of some columns."""
    if names == ("mid",):
        found: np.ndarray = np.log(_bridged(course, names, rows, above=True)[:, 0])
        return found
    smaller = _bridged(course, names, rows).min(axis=1)
    return np.log(np.where(smaller > 0, smaller, np.nan))
