"""A feed that repeats its last value: strange where values used to change, and as long as it lasts.

No view of a single row sees it: a frozen value is the most ordinary one. What counts is the run of
equal readings, beside the runs before it: a rate that is pegged, or one that rests at night, is not
stuck."""

from __future__ import annotations

import numpy as np

#: Readings that a run has at least, and how many times as long as any run before it.
LEAST_RUN, LONGER = 12, 2.0
#: Readings before a run that say how often values change.
LEAST_HISTORY = 30
#: What a run's decades count for at most: it is strange, and no stranger with every reading.
MOST = 4.0
#: Decades beyond the wanted rate of alarms.
_MARGIN = 1.0


def stuck_decades(values: np.ndarray, per_row: float) -> np.ndarray:
    """(rows,) decades of rarity of the run of equal readings that each row of `values` (rows,)
    ends, 0 where it is no alarm at `per_row` alarms a row. An unknown reading (NaN) neither ends
    nor lengthens a run. The chance that a reading repeats the one before is that of the readings
    before the run."""
    known = np.flatnonzero(np.isfinite(values))
    found = np.zeros(len(values))
    if len(known) < 2:
        return found
    told = values[known]
    same = np.concatenate([[False], told[1:] == told[:-1]])
    number = np.arange(len(told))
    start = np.maximum.accumulate(np.where(same, 0, number))
    run = number - start
    repeats = np.cumsum(same)[start]
    longest = np.maximum.accumulate(run)[start]
    decades = run * -np.log10((repeats + 1.0) / (start + 2.0))
    stuck = (run >= np.maximum(LEAST_RUN, LONGER * longest)) & (start >= LEAST_HISTORY)
    stuck &= decades >= -np.log10(per_row) + _MARGIN
    found[known] = np.where(stuck, np.minimum(decades, MOST), 0.0)
    return found[known[np.maximum(np.searchsorted(known, np.arange(len(values)), "right") - 1, 0)]]
