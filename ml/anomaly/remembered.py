"""What a network said of the windows of the last scan, most of which the next quote's scan has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml.anomaly.readings import TRAIL

#: Rows that are held, the last ones: those of a scan's trailing quantiles, and what is added to
#: them until a stream is made anew.
MOST_ROWS = 2 * TRAIL


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
