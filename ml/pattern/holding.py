"""The name that is held: it changes only when another has been more probable by a margin.

An answer of every half-hour flickers between two names that are equally probable. The held name
follows the mean of the last answers (an exponential one) and stays until another class leads it by
the margin. It is causal: row t is held by answers of rows <= t. How steady it is, is chosen on
answers of networks to rows that they had not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.pattern.labels import CLASSES, DAY
from ml.pattern.measure import flicker, lags, macro_f1
from ml.spec import Held

#: Rows before a row whose answers may still show in what is held.
MEMORY = 4 * DAY
_KEEPS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9)
_MARGINS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
#: Most changes a day that are wanted of a head; a sixth below what is bearable, for other times.
_STEADY = {"movement": 2.0, "agitation": 1.2}
_STEADY_SIDE = 2.5


@dataclass(frozen=True)
class Holding:
    """`keep` is the weight of the mean so far against the newest answer; `margin` a probability."""

    keep: float
    margin: float

    def hold(self, table: np.ndarray) -> np.ndarray:
        """(rows, classes) probabilities -> (rows,) held class numbers."""
        return _hold(table, np.array([self.keep]), np.array([self.margin]))[:, 0]


def _hold(table: np.ndarray, keep: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """(rows, classes) and (ways,) twice -> (rows, ways) held class numbers."""
    ways = np.arange(len(keep))
    out = np.empty((len(table), len(keep)), dtype=int)
    mean = np.repeat(table[:1], len(keep), axis=0)
    now = mean.argmax(1)
    for row, answer in enumerate(table):
        mean += (1 - keep)[:, None] * (answer - mean)
        best = mean.argmax(1)
        ahead = mean[ways, best] >= mean[ways, now] + margin
        now = np.where(ahead, best, now)
        out[row] = now
    return out


def choose_holdings(
    answers: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> dict[str, Holding]:
    """Per head the steadiness that names best among those that change seldom enough; both in order
    of time. `answers`: head -> (rows, classes), `labels`: head -> (rows,), -1 unknown."""
    keep, margin = (g.ravel() for g in np.meshgrid(_KEEPS, _MARGINS))
    out = {}
    for head, table in answers.items():
        known = labels[head] >= 0
        held = _hold(table, keep, margin)
        scores = []
        for way in range(len(keep)):
            names = held[:, way]
            changes = flicker(names, known)
            late = lags(labels[head], names, known)
            typical = float(np.median(late)) if len(late) else np.inf
            right = macro_f1(labels[head][known], names[known], len(CLASSES[head]))
            bearable = changes <= _STEADY.get(head, _STEADY_SIDE)
            scores.append((bearable, -typical if bearable else -changes, right))
        best = max(range(len(keep)), key=scores.__getitem__)
        out[head] = Holding(float(keep[best]), float(margin[best]))
    return out


def held_at(names: dict[str, np.ndarray], index: pd.DatetimeIndex, row: int) -> dict[str, Held]:
    """Head -> the held name at a row and since when; `names`: head -> (rows,) class numbers."""
    out = {}
    for head, held in names.items():
        other = np.flatnonzero(held[:row] != held[row])
        first = int(other[-1]) + 1 if len(other) else 0
        out[head] = Held(name=CLASSES[head][held[row]], since=index[first].to_pydatetime())
    return out
