"""What the networks of a detector could not rebuild of the last row.

Two steps carry most of the quality (measured in the benches): inputs are squashed before the
network and the squashed-off part is added back to the residual, and every residual is divided by
its own trailing 90 % quantile, so that a wild month is judged by its own measure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.anomaly.features import Features
from ml.anomaly.remembered import RememberedRows
from ml.graph import Network

#: Windows that go through a network at once where nothing is learned.
_BATCH = 4096
_LINEAR = 3.0


def squash(z: np.ndarray) -> np.ndarray:
    """Linear up to 3, logarithmic beyond: one huge row must not own the whole input."""
    size = np.abs(z)
    return np.sign(z) * np.where(
        size > _LINEAR, _LINEAR + np.log1p(np.maximum(size - _LINEAR, 0)), size
    )


@dataclass(frozen=True)
class Standard:
    """Robust centre and scale per feature, from the training rows."""

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray) -> Standard:
        """From (rows, features), NaN where unknown."""
        known = [v[np.isfinite(v)] for v in values.T]
        center = np.array([np.median(v) if len(v) else 0.0 for v in known])
        scale = []
        for v, c in zip(known, center, strict=True):
            # The 90 % quantile, not the MAD: half of the returns of a quiet market are zero.
            wide = np.quantile(np.abs(v - c), 0.9) / 1.645 if len(v) else 1.0
            scale.append(max(wide, 0.1 * v.std() if len(v) else 0.0, 1e-6))
        return cls(center, np.array(scale))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(rows, features) -> the same, standardised."""
        return (values - self.center) / self.scale

    def to_json(self) -> dict[str, Any]:
        """For the artifact's manifest; `from_json` reads it."""
        return {"center": self.center.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Standard:
        """What `to_json` wrote."""
        return cls(np.array(body["center"]), np.array(body["scale"]))


@dataclass(frozen=True)
class Residuals:
    """All (rows, features), in standardised units: `size` of the residual with the squashed-off
    part, 0 where unknown; `signed`, its direction."""

    size: np.ndarray
    signed: np.ndarray


def residuals_of(z: np.ndarray, rebuilt: np.ndarray) -> Residuals:
    """From standardised values (NaN where unknown) and the rebuilt squashed ones."""
    squashed = squash(z)
    size = np.abs(rebuilt - squashed) + np.abs(z) - np.abs(squashed)
    return Residuals(np.nan_to_num(size), np.nan_to_num(z - rebuilt))


def squashed_inputs(z: np.ndarray) -> np.ndarray:
    """What the networks are fed with: standardised values squashed, 0 where unknown."""
    return np.nan_to_num(squash(z), nan=0.0)


class Rebuilder:
    """The networks of one detector (ml.anomaly.nets.Together) and what they are fed with."""

    def __init__(self, network: Network, standard: Standard, window: int) -> None:
        self.network, self.standard, self.window = network, standard, window
        self.remembered = RememberedRows()

    def inputs(self, features: Features) -> tuple[np.ndarray, np.ndarray]:
        """(rows, features) standardised, NaN where unknown, and squashed with 0 for unknown."""
        z = self.standard(features.values)
        return z, squashed_inputs(z)

    def last_rows(self, windows: np.ndarray) -> np.ndarray:
        """(batch, window, features) float32 -> (batch, features): the mean over the networks of the
        rebuilt last row."""
        return self.network.arrays(windows)[0].astype("float64")

    def residuals(self, features: Features, first: int = 0) -> Residuals:
        """Those of every row, each at the end of a window of its own. Rows before the row `first`
        are not asked for: theirs are NaN."""
        z, squashed = self.inputs(features)
        readings = features.readings
        # Each row stands at the end of the readings before its own; the first one is repeated.
        own = np.arange(first, len(z))
        number = readings.reading[own, None] + np.arange(1 - self.window, 0)
        windows = np.column_stack([readings.last[np.maximum(number, 0)], own])
        table, rebuilt = squashed.astype(np.float32), np.full(z.shape, np.nan)
        if len(own):
            ask = self._asked(table)
            rebuilt[first:] = self.remembered.rebuilt(readings.minutes, table, windows, ask)
        found = residuals_of(z, rebuilt)
        found.size[:first] = found.signed[:first] = np.nan
        return found

    def _asked(self, table: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """(n, window) rows of the table -> (n, features) rebuilt last rows."""

        def ask(windows: np.ndarray) -> np.ndarray:
            parts = range(0, len(windows), _BATCH)
            return np.concatenate([self.last_rows(table[windows[i : i + _BATCH]]) for i in parts])

        return ask
