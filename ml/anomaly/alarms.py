"""From scores to events: raised at a threshold, up until the score has clearly fallen."""

from __future__ import annotations

import numpy as np

#: An alarm stays while the score is at least this share of the threshold.
RELEASE = 0.85
#: Rows of silence after an alarm: one that is still up afterwards counts again.
SILENCE = 12
#: Rows in which a score must lead, and by how much, to count as a new event's start.
FRESH_ROWS = 24
FRESH_SHARE = 1.25


def alarm_rows(score: np.ndarray, threshold: float) -> np.ndarray:
    """(rows,) bool: from the row that reaches the threshold until the score falls below RELEASE
    of it."""
    up, down = score >= threshold, score < RELEASE * threshold
    rows = np.arange(len(score))
    decided = np.maximum.accumulate(np.where(up | down, rows, -1))
    return (decided >= 0) & up[np.maximum(decided, 0)]


def episodes(alarm: np.ndarray) -> int:
    """Declustered alarms of a (rows,) mask: the first one silences the next SILENCE rows."""
    at = np.flatnonzero(alarm)
    count = i = 0
    while i < len(at):
        count += 1
        i = int(np.searchsorted(at, at[i] + SILENCE, side="right"))
    return count


def event_scores(score: np.ndarray) -> np.ndarray:
    """(rows,) the score where something new begins, else 0: where it clearly tops all of the last
    FRESH_ROWS rows."""
    padded = np.r_[np.zeros(FRESH_ROWS), score]
    recent = np.lib.stride_tricks.sliding_window_view(padded, FRESH_ROWS)[: len(score)]
    return np.where(score > FRESH_SHARE * recent.max(axis=1, initial=0.0), score, 0.0)
