"""The baseline "trailing_rule": the labels' own definition, computed on the past alone.

Its probabilities are what the rule was worth on the training rows: how often each class, once
named, was true in hindsight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.pattern.labels import CLASSES, make_labels

#: The named class keeps at least this much, so that it is also the most probable one.
_LEAST = 0.4


@dataclass(frozen=True)
class TrailingRule:
    """hit: head -> (classes,) share of the namings of a class that were right."""

    hit: dict[str, tuple[float, ...]]

    @classmethod
    def fit(
        cls, grid: pd.DataFrame, truth: dict[str, np.ndarray], rows: np.ndarray
    ) -> TrailingRule:
        """`truth` are the centred labels, head -> (rows,), `rows` the mask of the training rows."""
        named, hit = make_labels(grid, centred=False), {}
        for head, labels in truth.items():
            known = rows & (labels >= 0) & (named[head] >= 0)
            shares = []
            for k in range(len(CLASSES[head])):
                mine = labels[known & (named[head] == k)]
                # One imagined hit and miss: a class never named yet is worth a coin.
                shares.append(
                    float(np.clip((np.sum(mine == k) + 1) / (len(mine) + 2), _LEAST, 0.99))
                )
            hit[head] = tuple(shares)
        return cls(hit)

    def probabilities(self, grid: pd.DataFrame) -> dict[str, np.ndarray]:
        """Head -> (rows, classes); even where the rule cannot be computed yet."""
        out = {}
        for head, named in make_labels(grid, centred=False).items():
            if head not in self.hit:
                continue
            count = len(CLASSES[head])
            share = np.array(self.hit[head])[np.maximum(named, 0)]
            table = np.repeat(((1 - share) / (count - 1))[:, None], count, axis=1)
            table[np.arange(len(named)), np.maximum(named, 0)] = share
            table[named < 0] = 1 / count
            out[head] = table
        return out

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads back."""
        return {k: list(v) for k, v in self.hit.items()}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> TrailingRule:
        """Out of an artifact's section."""
        return cls({k: tuple(v) for k, v in body.items()})
