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
from ml.anomaly.readings import TRAIL
from ml.graph import Network

#: Windows that go through a network at once where nothing is learned.
_BATCH = 4096
_LINEAR = 3.0
#: Rows that are held, the last ones: those of a scan's trailing quantiles, and what is added to
#: them until a stream is made anew.
MOST_ROWS = 2 * TRAIL


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


class RememberedRows:
    """The rebuilt rows of the last scan. One stands for exactly the window that it was made of, so
    nothing has to be told that quotes changed. Threads may share it: what it holds is replaced as
    a whole."""

    def __init__(self) -> None:
        self._held: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None

    def rebuilt(
        self,
        minutes: np.ndarray,
        table: np.ndarray,
        windows: np.ndarray,
        ask: Callable[[np.ndarray], np.ndarray],
    ) -> np.ndarray:
        """(n, features) of the last n rows of `table` (rows, features), whose times are `minutes`
        (rows,); `windows` (n, window) are the rows that each is rebuilt from. `ask` answers for
        such windows."""
        skip = max(0, len(windows) - MOST_ROWS)
        known, kept = self._known(minutes, table, windows)
        # The last one in any case: there is always something to ask. A graph gives the same bits
        # however many are asked, plain PyTorch the same seven digits.
        rows = np.union1d(np.flatnonzero(~known), np.arange(len(windows))[-1:])
        fresh = ask(windows[rows])
        out = np.empty((len(windows), *fresh.shape[1:]))
        out[known], out[rows] = kept, fresh
        first = int(windows[skip:].min(initial=len(table)))
        # Copies: a view would hold all rows of a long scan.
        before, old = minutes[first:].copy(), table[first:].copy()
        self._held = (before, old, windows[skip:] - first, out[skip:].copy())
        return out

    def _known(
        self, minutes: np.ndarray, table: np.ndarray, windows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n,) whether the same window was rebuilt the last time, and (known, features) what of."""
        known = np.zeros(len(windows), dtype=bool)
        held = self._held
        if held is None or held[1].shape[1:] != table.shape[1:]:
            return known, np.empty((0, table.shape[1]))
        before, old, places, answers = held
        # By how many rows the table has moved. A wrong guess finds nothing: all is compared.
        shift = int(np.searchsorted(minutes, before[0])) - int(np.searchsorted(before, minutes[0]))
        low, high = max(0, shift), min(len(table), shift + len(old))
        same = np.zeros(len(table), dtype=bool)
        if low < high:
            same[low:high] = (table[low:high] == old[low - shift : high - shift]).all(axis=1)
        # The window of a row is that of the same row then.
        rows = windows[:, -1] - shift - places[0, -1] if len(places) else windows[:, -1]
        there = np.flatnonzero((rows >= 0) & (rows < len(places)))
        if not len(there) or places.shape[1] != windows.shape[1]:
            return known, np.empty((0, table.shape[1]))
        alike = (places[rows[there]] + shift == windows[there]).all(axis=1)
        known[there] = alike & same[windows[there]].all(axis=1)
        return known, answers[rows[known]]


class Rebuilder:
    """The networks of one detector (ml.networks.anomaly.Together) and what they are fed with."""

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
