"""What the cells of a column are, from the first rows: times, figures, text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.lazily import np, pa
from analytics.services.prices.reading.cells.kinds import BAD, DATE, NAIVE, ZONED
from analytics.services.prices.reading.cells.moments import read_orders
from analytics.services.prices.reading.cells.numbers import NumberEvidence, read_figures
from analytics.services.prices.reading.cells.tokens import UNKNOWN, is_number
from analytics.services.prices.reading.options import DATE_ORDERS
from analytics.services.prices.reading.sources.layout import time_strength

CLOCK = re.compile(
    r"^\s*\d{1,2}(:\d{2}){1,2}(\.\d+)?\s*([ap]\.?\s?m\.?)?\s*$|^\s*\d{1,2}\s*[ap]\.?m\.?\s*$", re.I
)
_HALF = 0.5
_DAY = 86_400_000_000


@dataclass(frozen=True)
class ColumnContent:
    """Shares of the cells that are not blank (0..1): `times` certain ones, `maybe` numbers that may
    be a time, `numbers`, `clocks` (10:30), `dates` without an hour, `zoned` moments. `whole`: every
    cell is a whole number. `texts`: the different cells."""

    filled: int
    times: float = 0.0
    maybe: float = 0.0
    numbers: float = 0.0
    clocks: float = 0.0
    dates: float = 0.0
    zoned: float = 0.0
    whole: bool = False
    texts: frozenset[str] = frozenset()

    @property
    def is_time(self) -> bool:
        """Most of its cells can only be times."""
        return self.times > _HALF

    @property
    def may_be_time(self) -> bool:
        """Most of its cells are times, or could be."""
        return self.times + self.maybe > _HALF

    @property
    def is_number(self) -> bool:
        """Most of its cells are numbers."""
        return self.numbers > _HALF

    @property
    def is_clock(self) -> bool:
        """Most of its cells are hours of a day."""
        return self.clocks > _HALF

    @property
    def is_text(self) -> bool:
        """It is filled, with none of these."""
        return self.filled > 0 and not (self.is_number or self.is_time or self.is_clock)


def column_content(cells: Sequence[str]) -> ColumnContent:
    """Look at the cells of a column."""
    known = [cell for cell in cells if cell.strip().lower() not in UNKNOWN]
    if not known:
        return ColumnContent(0)
    strengths = [time_strength(cell) for cell in known]
    kinds, midnight = _kinds(pa.array(known, pa.string()))
    count = len(known)
    return ColumnContent(
        filled=count,
        times=strengths.count(2) / count,
        maybe=strengths.count(1) / count,
        numbers=sum(map(is_number, known)) / count,
        clocks=sum(CLOCK.match(cell) is not None for cell in known) / count,
        dates=float(((kinds == DATE) | (kinds == NAIVE) & midnight).mean()),
        zoned=float((kinds == ZONED).sum() / max((kinds != BAD).sum(), 1)),
        whole=all(re.fullmatch(r"\s*\d+\s*", cell) for cell in known),
        texts=frozenset(cell.strip() for cell in known),
    )


def _kinds(cells: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """What each cell is under the first order of day and month that makes it a time, and whether
    that is a midnight."""
    kinds, midnight = np.full(len(cells), BAD, dtype="int8"), np.zeros(len(cells), dtype=bool)
    for moments in reversed(read_orders(cells, DATE_ORDERS).values()):
        kinds = np.where(moments.good, moments.kind, kinds)
        midnight = np.where(moments.good, moments.micros % _DAY == 0, midnight)
    return kinds, midnight


def sample_figures(cells: Sequence[str]) -> np.ndarray:
    """The cells as float64 under the likelier decimal mark, NaN where they are none."""
    column = pa.array([cell or None for cell in cells], pa.string())
    evidence = NumberEvidence()
    evidence.add(column)
    return read_figures(column, "," if evidence.comma > evidence.point else ".").values
