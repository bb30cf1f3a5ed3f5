"""From scores to alarms: how long a score lasts, when an alarm is raised and ends, what begins.

Quotes and plain values go by the same rules; an AlarmRule holds what differs between them. All
arrays are by row, in the order of time, and a row is judged by itself and the rows before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.anomaly.readings import Readings


@dataclass(frozen=True, kw_only=True)
class AlarmRule:
    """`release`: share of the threshold below which an alarm ends. `longest`: rows after which it
    ends unless it is raised again. An event begins where a score exceeds `factor`
    times the highest of the `quiet` rows before it, plus `margin`."""

    release: float
    quiet: int
    factor: float = 1.0
    margin: float = 0.0
    longest: float = math.inf


# The two differ because a price has a level to return to and a plain value has none. A quote's
# score lasts while its price stays displaced (`score_hysteresis`), so its alarm ends by itself, and
# public scores are proportional: an event begins by a factor. A value's score fades with its age
# alone (`fade`), what lasts is the new normal after some rows, and rarity in decades adds up: an
# event begins by a margin.
QUOTES = AlarmRule(release=0.85, quiet=24, factor=1.25)
VALUES = AlarmRule(release=0.6, quiet=200, margin=0.2, longest=12)

#: Rows after a counted alarm of quotes in which no other counts: one still up afterwards does.
DEAD_ROWS = 12
#: Readings for which a quote's score can last, decades it loses with each, and the share of the
#: displacement that must remain.
HYSTERESIS_ROWS = 16
_DECAY = 0.07
_REMAINS = 0.5
#: Rows that are looked at at once.
_BLOCK = 1 << 14
#: A displacement of a logarithm that is rounding.
_NO_MOVE = 1e-12
#: Readings before a row whose median is the level from which its displacement is measured.
REFERENCE = 12
#: Rows over which a plain value's score fades away.
FADE_ROWS = 100


def raise_alarms(
    score: np.ndarray, threshold: float, raising: np.ndarray, rule: AlarmRule
) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) masks: in alarm, and the rows that raise one where none was up. `raising` (rows,)
    are the rows that may; their score is at least `threshold`. A trigger with hysteresis (Schmitt):
    what was raised at the threshold stays until the score is below `rule.release` of it."""
    rows = np.arange(len(score))
    latest = np.maximum.accumulate(np.where(raising, rows, -1))
    before = np.concatenate([[-1], latest])[:-1]  # the last raising row before each row
    fallen = np.maximum.accumulate(np.where(score < rule.release * threshold, rows, -1))
    lasting = (before >= 0) & (fallen < before) & (rows - before < rule.longest)
    return raising | lasting, raising & ~lasting


def alarm_rows(score: np.ndarray, threshold: float) -> np.ndarray:
    """(rows,) bool, of quotes: from the row that reaches the threshold until the score falls below
    the release share of it."""
    return raise_alarms(score, threshold, score >= threshold, QUOTES)[0]


def stays_up(score: float, threshold: float, was_up: bool) -> bool:
    """`alarm_rows`, one row of quotes at a time: whether it is in alarm after the row before."""
    return score >= threshold * (QUOTES.release if was_up else 1.0)


def count_episodes(alarm: np.ndarray) -> int:
    """Declustered alarms of a (rows,) mask: a counted one is followed by a dead time of DEAD_ROWS
    (compare runs declustering: Coles 2001, An Introduction to Statistical Modeling of Extreme
    Values, 5.3.2)."""
    at = np.flatnonzero(alarm)
    count = i = 0
    while i < len(at):
        count += 1
        i = int(np.searchsorted(at, at[i] + DEAD_ROWS, side="right"))
    return count


def event_starts(score: np.ndarray, rule: AlarmRule) -> np.ndarray:
    """(rows,) the score (at least 0) where an event begins or becomes much worse, else 0."""
    before = pd.Series(score).shift(1).rolling(rule.quiet, min_periods=1).max()
    highest = np.nan_to_num(before.to_numpy())
    return np.where(score > rule.factor * highest + rule.margin, score, 0.0)


def fade(rare: np.ndarray) -> np.ndarray:
    """(rows,) -> (rows,): the rarest of a row and the rows before it, each faded by its age. Who
    looks a little late still sees that something was wrong."""
    out = rare.copy()
    for age in range(1, min(FADE_ROWS, len(rare) - 1) + 1):
        share = (1 - age / (FADE_ROWS + 1)) ** 0.5
        np.maximum(out[age:], rare[:-age] * share, out=out[age:])
    return out


def remaining_score(
    now: np.ndarray, then: np.ndarray, home: np.ndarray, score: np.ndarray, age: np.ndarray | int
) -> np.ndarray:
    """What is left of `score` (decades) after `age` readings, 0 where its cause is over: all arrays
    alike, levels `then` of the scored row, `home` before it, and `now`."""
    away = then - home
    lasts = ((now - home) * np.sign(away) >= _REMAINS * np.abs(away)) & (np.abs(away) > _NO_MOVE)
    return np.where(lasts, score - _DECAY * age, 0.0)


def score_hysteresis(
    readings: Readings, decades: np.ndarray, level: np.ndarray, home: np.ndarray
) -> np.ndarray:
    """(rows,) a head's decades that last while their cause does: a price that jumped and has not
    come back is as strange as it was when it jumped, a little less with every reading. `level` is
    the quantity that the head watches, `home` its median over the readings before each row."""
    out = decades.copy()
    series, then, start = decades[readings.last], level[readings.last], home[readings.last]
    ages = np.arange(1, HYSTERESIS_ROWS + 1)
    for rows in np.split(np.arange(len(out)), range(_BLOCK, len(out), _BLOCK)):
        past = readings.reading[rows, None] - ages
        # Most heads say nothing most of the time: from those rows nothing can remain.
        busy = (past >= 0) & (series[past] > _DECAY * ages)
        if busy.any():
            now = level[rows, None]
            left = remaining_score(now, then[past], start[past], series[past], ages)
            out[rows] = np.maximum(out[rows], np.where(busy, left, 0.0).max(axis=1))
    return out
