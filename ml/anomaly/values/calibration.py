"""Alarms on a plain series at a wanted rate, learned from its own unlabelled past.

Alarms cluster, so what is counted is the beginnings of events, in the rows that came before. Their
rate over a level is read off where there are enough of them to count, and carried on to the rare
levels as an exponential, whose slope leans on a usual one while the series has shown little.
The usual curve is that of scores in decades of rarity (docs/experiments.md); anomalies among the
past hardly move it, because the slope goes through the median of the excesses.

Not ml.anomaly.calibration: that reads one rate off weeks of a market; this one must speak after a
few hundred rows of anything, and anew as they grow.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ml.anomaly.alarms import VALUES, event_starts, raise_alarms

#: The usual rate of beginnings over a level: exp(-_SLOPE (level - _LEVEL)) * _RATE a row.
_LEVEL, _RATE, _SLOPE = 2.0, 10**-3.1, 1.7
#: How many events the usual curve counts for.
_PRIOR_EVENTS, _PRIOR_EXCESSES = 2.0, 10.0
#: Events that a level should have had for its rate to be counted; the levels looked at.
_ENOUGH = 8
_LEAST_LEVEL = 0.6
_LEVELS = np.arange(_LEAST_LEVEL, 4.01, 0.1)
#: The threshold is learned again whenever the history has grown by this factor.
_GROWTH = 1.25
#: Rows that a new event tops are at least an alarm's longest and at most VALUES.quiet: this share
#: of the rows between two wanted alarms.
_QUIET_SHARE = 0.25


def event_threshold(beginnings: np.ndarray, per_row: float) -> float:
    """Decades that `per_row` beginnings of events a row will top; `beginnings` (rows,) is the
    history: rarity where an event begins, else 0."""
    counts = np.array([(beginnings >= level).sum() for level in _LEVELS])
    enough = np.flatnonzero(counts >= _ENOUGH)
    level, count = (
        (float(_LEVELS[enough[-1]]), int(counts[enough[-1]]))
        if len(enough)
        else (_LEAST_LEVEL, int(counts[0]))
    )
    usual = _RATE * np.exp(-_SLOPE * (level - _LEVEL))
    # The usual curve never outweighs the rows that were seen: a wild series stays wild.
    lent = min(_PRIOR_EVENTS / usual, float(len(beginnings)))
    rate = (count + lent * usual) / (len(beginnings) + lent)
    over = beginnings[beginnings >= level] - level
    mean = np.median(over) / np.log(2) if len(over) else 0.0
    mean = (len(over) * mean + _PRIOR_EXCESSES / _SLOPE) / (len(over) + _PRIOR_EXCESSES)
    return max(_LEAST_LEVEL, float(level + np.log(rate / per_row) * mean))


def alarms_at_rate(
    rare: np.ndarray, first: int, learned: int, per_row: float
) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) masks: in alarm, and rows that raise one. Rows before `first` raise none. The
    threshold of the rows before `learned` comes from all of these (they are what was learned
    from), that of a later row from the rows before it."""
    quiet = int(np.clip(_QUIET_SHARE / per_row, VALUES.longest, VALUES.quiet))
    beginnings = event_starts(rare, dataclasses.replace(VALUES, quiet=quiet))
    alarm = np.zeros(len(rare), dtype=bool)
    raised = np.zeros(len(rare), dtype=bool)
    start = first
    while start < len(rare):
        known = max(start, learned)
        end = min(len(rare), learned if start < learned else int(start * _GROWTH) + 1)
        level = event_threshold(beginnings[:known], per_row)
        raising = beginnings[start:] >= level
        raising[end - start :] = False  # an alarm may last longer than its threshold raises one
        up, begun = raise_alarms(rare[start:], level, raising, VALUES)
        raised[start:] |= begun & ~alarm[start:]
        alarm[start:] |= up
        start = end
    return alarm, raised
