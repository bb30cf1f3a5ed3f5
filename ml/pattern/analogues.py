"""Past moments that looked alike, and what followed them.

A library holds points of the past: the networks' embeddings beside the channels of the moment,
each part scaled to a mean square of one. Only moments whose next day was over may answer, none
within a day of another. Moves are in s24 of their own moment, so that they carry over to today's.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.pattern.course import DAY, Course
from ml.pattern.labels import trailing_regimes
from ml.results import Analogue, Analogues
from ml.stats import quantiles_of

COUNT = 50
#: So many of them are shown.
SHOWN = 6
#: Every so many-th row of the past is in the library.
STRIDE = 4
#: Fewer outcomes than this say nothing about a distribution.
LEAST = 10
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Scaler:
    """Centre and spread of every number of a point, from the rows that were learned from."""

    centre: np.ndarray
    spread: np.ndarray

    @classmethod
    def fit(cls, raw: np.ndarray, parts: tuple[int, int]) -> Scaler:
        """From (n, numbers) points. `parts` are the lengths of embedding and channels: both count
        the same in a distance."""
        weight = np.repeat(np.sqrt(parts), parts)
        return cls(raw.mean(0), (raw.std(0) + 1e-6) * weight)

    def to_tensors(self) -> dict[str, np.ndarray]:
        """What `from_tensors` reads back, under names of its own."""
        return {f"scaler.{k}": v for k, v in vars(self).items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> Scaler:
        """Out of an artifact's tensors; raises KeyError."""
        return cls(tensors["scaler.centre"], tensors["scaler.spread"])

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """(n, numbers): embeddings and channels side by side -> the same, scaled, float32."""
        return ((raw - self.centre) / self.spread).astype(np.float32)


@dataclass(frozen=True)
class Library:
    """The past, an entry a moment: `seconds` (n,) since 1970 ascending, `points` (n, numbers)
    scaled, `moves` (n,) the log move of the next day in s24, `paths` (n, 2 DAY + 1) the log mid
    around the moment relative to it, `regimes` (n,) what the trailing rule named, as a number."""

    seconds: np.ndarray
    points: np.ndarray
    moves: np.ndarray
    paths: np.ndarray
    regimes: np.ndarray

    @classmethod
    def of(
        cls,
        grid: pd.DataFrame,
        rows: np.ndarray,
        points: np.ndarray,
        course: Course | None = None,
    ) -> Library:
        """Those of `rows` whose next day the grid holds; `points` are theirs."""
        course = course or Course(grid)
        path, scale = course.smooth, course.scale
        inside = (rows >= DAY) & (rows + DAY < len(path))
        rows, points = rows[inside], points[inside]
        around = rows[:, None] + np.arange(-DAY, DAY + 1)
        paths = path[around] - path[rows][:, None]
        moves = paths[:, -1] / scale[rows]
        known = np.isfinite(moves) & np.isfinite(paths).all(1)
        seconds = course.seconds[rows]
        regimes = trailing_regimes(course, rows)
        paths = paths.astype(np.float32)
        return cls(*(v[known] for v in (seconds, points, moves, paths, regimes)))

    def __len__(self) -> int:
        return len(self.seconds)

    def chosen(self, rows: np.ndarray) -> Library:
        """Those of a mask or a slice."""
        return Library(*(values[rows] for values in vars(self).values()))

    def joined(self, later: Library) -> Library:
        """With what a newer stretch adds after the end of this one."""
        new = later.seconds > (self.seconds[-1] if len(self) else -1)
        if not new.any():
            return self
        pairs = zip(vars(self).values(), vars(later).values(), strict=True)
        return Library(*(np.concatenate([own, more[new]]) for own, more in pairs))

    def until(self, second: int, day: int) -> int:
        """How many entries had their next day (of `day` seconds) behind them at that second."""
        return int(np.searchsorted(self.seconds, second - day, side="right"))

    def nearest(self, point: np.ndarray, stop: int, day: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers and distances of up to COUNT entries before `stop`, a day apart, nearest first.
        The distance is the root mean square over both parts."""
        distance = np.sqrt(((self.points[:stop] - point) ** 2).sum(1) / 2)
        # Plain numbers: a single one of numpy's costs more than the search for it.
        seconds, free = self.seconds[:stop].tolist(), bytearray(b"\1") * stop
        picked: list[int] = []
        for entry in np.argsort(distance, kind="stable").tolist():
            if not free[entry]:
                continue
            picked.append(entry)
            low = bisect_right(seconds, seconds[entry] - day)
            high = bisect_left(seconds, seconds[entry] + day)
            free[low:high] = bytes(high - low)
            if len(picked) == COUNT:
                break
        return np.array(picked, dtype=int), distance[picked]

    def to_tensors(self) -> dict[str, np.ndarray]:
        """What `from_tensors` reads back, under names of its own."""
        return {f"library.{k}": v for k, v in vars(self).items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> Library:
        """Out of an artifact's tensors; raises KeyError."""
        return cls(*(tensors[f"library.{k}"] for k in cls.__dataclass_fields__))


def find_analogues(
    library: Library,
    point: np.ndarray,
    *,
    now: int,
    day: int,
    scale: float,
    gain: tuple[float, float, float] | None,
) -> Analogues | None:
    """What followed the moments most like `point`, as of the second `now`; None where too few had
    their next day behind them. `scale` is today's s24; `gain` what was measured (see proof)."""
    stop = library.until(now, day)
    found, distance = library.nearest(point, stop, day)
    if len(found) < LEAST:
        return None

    def quantiles(moves: np.ndarray) -> dict[str, float]:
        values = quantiles_of(moves, LEVELS) * scale
        return {str(level): float(v) for level, v in zip(LEVELS, values, strict=True)}

    return Analogues(
        nearest=tuple(
            Analogue(
                as_of=dt.datetime.fromtimestamp(int(library.seconds[e]), dt.UTC),
                distance=float(d),
                before=tuple(map(float, library.paths[e, : DAY + 1])),
                after=tuple(map(float, library.paths[e, DAY:])),
                move=float(library.paths[e, -1]),
            )
            for e, d in zip(found[:SHOWN], distance, strict=False)
        ),
        count=len(found),
        quantiles=quantiles(library.moves[found]),
        any_quantiles=quantiles(library.moves[:stop]),
        proven=gain is not None and gain[2] < 0,
        gain=gain,
    )
