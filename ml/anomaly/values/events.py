"""From rarity to events: a held score, one peak per event, alarms at a promised rate."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Rows over which a strange row's score fades away.
FADE_ROWS = 100
#: A new event tops the rows of this stretch before it, by this many decades.
QUIET_ROWS, MARGIN = 200, 0.2


def fade(rare: np.ndarray) -> np.ndarray:
    """(rows,) -> (rows,): the rarest of a row and the rows before it, each faded by its age. Who
    looks a little late still sees that something was wrong."""
    held = rare.copy()
    for age in range(1, min(FADE_ROWS, len(rare) - 1) + 1):
        share = (1 - age / (FADE_ROWS + 1)) ** 0.5
        np.maximum(held[age:], rare[:-age] * share, out=held[age:])
    return held


def starts(rare: np.ndarray, quiet: int = QUIET_ROWS) -> np.ndarray:
    """(rows,) rarity where a row begins an event, or makes it much worse, else 0."""
    before = pd.Series(rare).shift(1).rolling(quiet, min_periods=1).max()
    return np.where(rare > np.nan_to_num(before.to_numpy()) + MARGIN, rare, 0.0)
