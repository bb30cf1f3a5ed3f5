"""The name that is held: it changes only when another has been more probable by a margin.

An answer of every half-hour flickers between two names that are equally probable. The held name
follows the mean of the last answers (an exponential one) and stays until another class leads it by
the margin; soon after a change the margin is larger, so that a true change is followed at once and
a change back has to be clear. Causal: row t is held by answers of rows <= t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.pattern.labels import CLASSES, DAY
from ml.results import Held

#: Rows before a row whose answers may still show in what is held.
MEMORY = 2 * DAY


@dataclass(frozen=True, kw_only=True)
class Holding:
    """`keep` is the weight of the mean so far against the newest answer, `margin` a probability;
    for `settle` rows after a change it is larger by `doubt`."""

    keep: float
    margin: float
    settle: int
    doubt: float

    def hold(self, table: np.ndarray) -> np.ndarray:
        """(rows, classes) probabilities -> (rows,) held class numbers."""
        out = np.empty(len(table), dtype=int)
        if not len(table):
            return out
        mean, now, since = table[0].copy(), int(table[0].argmax()), self.settle
        for row, answer in enumerate(table):
            mean += (1 - self.keep) * (answer - mean)
            best = int(mean.argmax())
            wanted = self.margin + (self.doubt if since < self.settle else 0.0)
            since += 1
            if best != now and mean[best] >= mean[now] + wanted:
                now, since = best, 0
            out[row] = now
        return out


#: Chosen once, on four stretches of three markets (docs/experiments.md), for an early notice at a
#: bearable number of changes.
HOLDINGS = {
    "movement": Holding(keep=0.2, margin=0.05, settle=10, doubt=0.3),
    "agitation": Holding(keep=0.3, margin=0.0, settle=14, doubt=0.5),
    "spread": Holding(keep=0.0, margin=0.1, settle=10, doubt=0.2),
    "liquidity": Holding(keep=0.0, margin=0.1, settle=10, doubt=0.2),
}


def held_at(names: dict[str, np.ndarray], index: pd.DatetimeIndex, row: int) -> dict[str, Held]:
    """Head -> the held name at a row and since when (at the earliest the first row); `names`: head
    -> (rows,) class numbers."""
    out = {}
    for head, held in names.items():
        other = np.flatnonzero(held[:row] != held[row])
        first = int(other[-1]) + 1 if len(other) else 0
        out[head] = Held(name=CLASSES[head][held[row]], since=index[first].to_pydatetime())
    return out
