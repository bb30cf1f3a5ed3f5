"""What a network that finds anomalies must be able to do, on which families of detectors build; and
what it said of the windows of the last scan, nearly all of which the scan of the next quote has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ml.anomaly.readings import TRAIL
from ml.spec import TrainConfig, param

#: In smaller parts a network's sums are rounded in another order: so many are asked for at least.
LEAST_PART = 16
#: Rows that are held, the last ones: those of a scan's trailing quantiles, and what is added to
#: them until a stream is made anew.
MOST_ROWS = 2 * TRAIL


@dataclass(frozen=True, kw_only=True)
class AnomalyConfig(TrainConfig):
    """What every family of detectors has; `build(config, n_features)` makes an AnomalyNetwork."""

    epochs: int = param(8, low=1, high=1000, help="Most passes over the training windows.")
    learning_rate: float = param(3e-3, low=1e-6, high=1.0, help="Peak step size of AdamW.")
    weight_decay: float = param(1e-3, low=0.0, high=1.0, help="Decoupled weight decay of AdamW.")
    patience: int = param(4, low=1, high=1000, help="Epochs without gain before stopping.")
    window: int = param(16, low=8, high=64, help="Readings that the network looks at.")
    members: int = param(2, low=1, high=5, help="Networks from different seeds, averaged.")


class AnomalyNetwork(nn.Module, ABC):
    """Rebuilds windows of squashed, standardised features; what it fails to rebuild of the last row
    is a measure of strangeness."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, time, feature)."""

    def rebuild_last(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, feature): the last row of `forward`. A family that can
        have it for less overrides this."""
        return self(x)[:, -1]

    def loss(self, x: Tensor) -> Tensor:
        """Mean squared error over the window plus, as heavy again, over its last row: the score
        looks at the last row only, the rest of the window is there to give it a context."""
        error = (self(x) - x).square()
        return error.mean() + torch.mean(error[:, -1])


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
        rows = np.flatnonzero(~known)
        rows = np.union1d(rows, np.arange(max(0, len(windows) - LEAST_PART), len(windows)))
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
