"""What a detector says about every row, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ml.anomaly.features import Features


@dataclass(frozen=True)
class Scored:
    """heads: (rows, names) strangeness per head, in one currency. total: (rows,) their maximum.
    margins: feature -> (rows,) how far it may lie from what is expected before its head reaches the
    threshold (log units)."""

    names: tuple[str, ...]
    heads: np.ndarray
    total: np.ndarray
    margins: dict[str, np.ndarray]

    @classmethod
    def of(
        cls, names: tuple[str, ...], heads: np.ndarray, margins: dict[str, np.ndarray]
    ) -> Scored:
        return cls(names, heads, heads.max(axis=1), margins)


class Detector(Protocol):
    """A fitted detector: the network with its rules, or the baseline."""

    def score(self, features: Features, *, threshold: float | None = None) -> Scored: ...
