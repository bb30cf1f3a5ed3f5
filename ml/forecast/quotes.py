"""Quotes as plain arrays: what a single forecast cuts, compares and puts on the grid in no time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.errors import ArtifactMismatch
from ml.forecast.series import Series, series_of
from ml.forecast.targets import Target
from ml.grid import grid_columns
from ml.quotes import staleness_limit

MINUTE = 60 * 10**9


@dataclass(frozen=True)
class Quotes:
    """`times` (n,) nanoseconds since 1970, ascending; `columns` by name, (n,) each."""

    times: np.ndarray
    columns: dict[str, np.ndarray]

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Sequence[str]) -> Quotes:
        """Those `columns` of a quotes frame; raises ArtifactMismatch where one has no value."""
        found = {}
        for name in columns:
            values = frame[name] if name in frame.columns else ()
            values = np.asarray(values, dtype="float64")
            if not np.isfinite(values).any():
                raise ArtifactMismatch(
                    f"This model was trained with {name}, and the quotes have none.",
                    {name: "missing"},
                )
            found[name] = values
        return cls(frame.index.as_unit("ns").asi8, found)

    def __len__(self) -> int:
        return len(self.times)

    def between(self, first: int, last: int) -> Quotes:
        """The quotes at first <= time <= last."""
        low = np.searchsorted(self.times, first)
        high = np.searchsorted(self.times, last, side="right")
        return Quotes(self.times[low:high], {n: v[low:high] for n, v in self.columns.items()})

    def digest(self) -> bytes:
        """The same for the same times and figures, and for no other ones."""
        found = hashlib.sha256()
        for values in (self.times, *self.columns.values()):
            found.update(np.ascontiguousarray(values))
        return found.digest()

    def series(self, target: Target, step_minutes: int, end: int) -> Series:
        """The grid from the first quote to `end`."""
        step = step_minutes * MINUTE
        first = -(-int(self.times[0]) // step)
        at = np.arange(first, end // step + 1, dtype="int64") * step
        grid = grid_columns(self.times, self.columns, at, staleness_limit(step_minutes))
        return series_of(pd.DatetimeIndex(at, tz="UTC"), grid, target, step_minutes)


def patience(step_minutes: int) -> int:
    """Nanoseconds after the last quote by which a row with a missing price is on the grid."""
    return (staleness_limit(step_minutes) + 1 + step_minutes) * MINUTE
