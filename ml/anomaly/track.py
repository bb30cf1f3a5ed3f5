"""What a detector says about every row of a series: the one form in which tracks leave `ml`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Track:
    # (rows,) float64, how strange each row is now; 0 while warming up, never NaN;
    # comparable over series
    score: np.ndarray
    event_score: np.ndarray  # (rows,) peaks once at the start of a new event
    alarm: np.ndarray  # (rows,) bool, from the moment an event is raised until it ends
    kind: tuple[str, ...]  # '' where no alarm
