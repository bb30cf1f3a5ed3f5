"""What the times of a source are, and how they follow each other, under one order of dates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from analytics.lazily import np, pa
from analytics.services.prices.reading.cells.kinds import DATE, NAIVE, Moments


@dataclass
class TimeCourse:
    """`kinds` counts cells of each kind. `ups`, `downs`: rows later, earlier than the row before
    them; `back` is the first that is earlier; `span` the first and the last moment of all
    (microseconds)."""

    kinds: Counter[int] = field(default_factory=Counter)
    ups: int = 0
    downs: int = 0
    back: str = ""
    span: tuple[int, int] = (0, 0)
    _last: int | None = None

    @property
    def naive(self) -> int:
        """How many times name no zone."""
        return self.kinds[NAIVE] + self.kinds[DATE]

    def add(self, cells: pa.Array, moments: Moments) -> None:
        """A block of the column of times, and what its cells are."""
        self.kinds.update(dict(zip(*np.unique(moments.kind, return_counts=True), strict=True)))
        places = np.flatnonzero(moments.good)
        if not len(places):
            return
        micros = moments.micros[places]
        steps = np.diff(micros, prepend=micros[0] if self._last is None else self._last)
        self.ups += int((steps > 0).sum())
        down = np.flatnonzero(steps < 0)
        if len(down) and not self.back:
            self.back = str(cells[int(places[down[0]])].as_py())
        self.downs += len(down)
        first = self._last is None
        low, high = int(micros.min()), int(micros.max())
        self.span = (low, high) if first else (min(self.span[0], low), max(self.span[1], high))
        self._last = int(micros[-1])
