"""What a cell of time turned out to be."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.lazily import np

#: No time; a moment; a time of some clock; a day without an hour; a time whose digits were lost.
BAD, ZONED, NAIVE, DATE, LOST = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Moments:
    """`micros`: int64 since 1970, of UTC where `kind` is ZONED, else of the local clock. `ordered`:
    some cell would be another day if day and month stood the other way round."""

    micros: np.ndarray
    kind: np.ndarray
    ordered: bool = False

    @property
    def good(self) -> np.ndarray:
        """Which cells are a time."""
        return (self.kind == ZONED) | (self.kind == NAIVE) | (self.kind == DATE)

    @classmethod
    def nothing(cls, rows: int) -> Moments:
        """So many rows of which none is understood yet."""
        return cls(np.zeros(rows, dtype="int64"), np.full(rows, BAD, dtype="int8"))
