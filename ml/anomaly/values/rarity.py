"""How rare is a row of a plain series? Decades of rarity, comparable from file to file.

Every view (ml.anomaly.values.features) is a size in robust units, squashed; their mean is one
statistic. Three tails say how rare it is: one drawn at the last fit, one over the last 2000 rows
and one over the last 4000, because a series that was calm in its youth is not strange for good. A
new record adds to it. There is no network here: three kinds of it added nothing
(docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.anomaly.tails import MOST_DECADES
from ml.anomaly.values.features import NAMES, ValueFeatures

#: The tail is an exponential through these quantiles: anomalies sit beyond them.
LEVELS = (0.90, 0.97)
TRAILING = (2000, 4000)
#: Decades for topping all earlier rows by their whole range.
RECORD = 30.0
#: Rows that a trailing tail needs before it counts.
_TRUSTED = 50
_LINEAR, _Z_MOST = 3.0, 1e6


def tail(values: np.ndarray, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
    """Decades of rarity under an exponential tail through the two quantiles."""
    first, second = (-np.log10(1 - level) for level in LEVELS)
    width = np.maximum((high - low) / (second - first), 0.02 * np.abs(high) + 1e-9)
    return np.maximum(0.0, first + (values - low) / width)


def trailing_rarity(statistic: np.ndarray, low: float, high: float) -> np.ndarray:
    """(rows,) decades: the mean of the fitted tail and of those over the rows before each row."""
    before = pd.Series(statistic).shift(1)
    out = [tail(statistic, low, high)]
    for rows in TRAILING:
        rolling = before.rolling(rows, min_periods=_TRUSTED)
        found = tail(statistic, *(rolling.quantile(level).to_numpy() for level in LEVELS))
        out.append(np.where(np.isfinite(found), found, out[0]))
    return np.mean(out, axis=0)


@dataclass(frozen=True)
class Rarity:
    """Fitted on rows before a moment. center, scale: per view; low, high: quantiles of the
    statistic."""

    center: np.ndarray
    scale: np.ndarray
    low: float
    high: float

    @classmethod
    def fit(cls, table: np.ndarray) -> Rarity:
        """`table` holds the views of the rows to learn from."""
        center = np.median(table, axis=0)
        # The 90 % quantile, not the MAD: half of the steps of a quiet series are zero.
        wide = np.quantile(np.abs(table - center), 0.9, axis=0) / 1.645
        least = 1e-12 + 1e-9 * np.abs(center)
        scale = np.maximum(np.maximum(wide, 0.1 * table.std(axis=0)), least)
        statistic = cls(center, scale, 0.0, 1.0).sizes(table).mean(axis=1)
        low, high = np.quantile(statistic, LEVELS)
        return cls(center, scale, float(low), float(high))

    def sizes(self, table: np.ndarray) -> np.ndarray:
        """(rows, views) robust sizes: linear up to 3, logarithmic beyond, so that one view that
        runs away does not drown the others."""
        size = np.minimum(np.abs(table - self.center) / self.scale, _Z_MOST)
        return np.where(size > _LINEAR, _LINEAR + np.log1p(np.maximum(size - _LINEAR, 0.0)), size)

    def decades(self, features: ValueFeatures, start: int, end: int) -> np.ndarray:
        """Decades of rarity of the rows start..end, each from the rows up to it."""
        back = max(0, start - max(TRAILING) - 1)
        statistic = self.sizes(features.table[back:end]).mean(axis=1)
        rare = trailing_rarity(statistic, self.low, self.high)[start - back :]
        return np.minimum(rare + RECORD * features.excess[start:end], MOST_DECADES)


def kind_of(sizes: np.ndarray) -> str:
    """Name of a strange row from the sizes of its views: the largest speaks."""
    top = NAMES[int(np.argmax(sizes))]
    if top in ("season_12", "season_48"):
        return "level_shift"
    return "other" if top == "roughness" else "spike"
