"""The trained networks in use: windows in, calibrated distributions and an embedding out.

One temperature per head says how much less sure the served answer is than the networks.
Learn from: Guo et al. 2017, On calibration of modern neural networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ml.graph import ONNXRUNTIME, Network
from ml.pattern.labels import CLASSES, MAIN_HEADS

#: Windows that are answered at once.
_PART = 2048
#: From so many on, each of them asked both ways, the answer for a window does not depend on how
#: many are answered with it.
LEAST_PART = 8
#: Temperatures to choose from.
_DEGREES = np.geomspace(0.5, 4.0, 40)
#: The served mean of all networks, which saw half as much again, is right more often than a fold's
#: network: measured on four stretches of three markets, for the main heads (docs/experiments.md).
_SURER = 0.93


#: (n,) numbers of windows -> what `ml.networks.pattern.Together` answers for them.
Ask = Callable[[np.ndarray], Sequence[np.ndarray]]


def windows_of(channels: np.ndarray, window: int) -> np.ndarray:
    """(rows, channels) -> (rows - window + 1, window, channels), one strided view without copies;
    entry i ends at row i + window - 1."""
    view = np.lib.stride_tricks.sliding_window_view(channels, window, axis=0)
    return view.transpose(0, 2, 1)


def asking(network: Network, windows: np.ndarray) -> Ask:
    """Asks the network for windows of `windows_of`."""
    return lambda numbers: network.arrays(np.ascontiguousarray(windows[numbers]))


def least_part(network: Network) -> int:
    """So many windows at once, at least, have an answer that does not depend on how many."""
    return 1 if network.path == ONNXRUNTIME else LEAST_PART


def predict(
    ask: Ask, starts: np.ndarray, temperatures: Mapping[str, float]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Of the windows of those numbers: head -> (len(starts), classes) calibrated probabilities, the
    softmax of the mean logits over the head's temperature; and (len(starts), numbers) embeddings.
    The heads are those of `ask`, in its order."""
    parts: dict[str, list[np.ndarray]] = {head: [] for head in temperatures}
    looks = []
    for numbers in _parts(starts):
        *answers, look = ask(numbers)
        for (head, degree), logits in zip(temperatures.items(), answers, strict=True):
            parts[head].append(_softmax(logits.astype("float64") / degree))
        looks.append(look)
    tables = {
        h: np.concatenate(p) if p else np.empty((0, len(CLASSES[h]))) for h, p in parts.items()
    }
    return tables, np.concatenate(looks) if looks else np.empty((0, 0), np.float32)


def looks_of(ask: Ask, starts: np.ndarray) -> np.ndarray:
    """(len(starts), numbers) float32: the embeddings of `Together`, side by side."""
    return np.concatenate([ask(numbers)[-1] for numbers in _parts(starts)])


def _parts(starts: np.ndarray) -> list[np.ndarray]:
    return [starts[i : i + _PART] for i in range(0, len(starts), _PART)]


def _softmax(logits: np.ndarray) -> np.ndarray:
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: np.ndarray = power / power.sum(axis=1, keepdims=True)
    return found


class Remembered:
    """The answers of the last call: a quote later, all but its own row are known. An answer stands
    for exactly the channels that it was made of, so nothing has to be told that they changed.
    Threads may share it: what it holds is replaced as a whole."""

    def __init__(self) -> None:
        self._held: tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]] | None = None

    def answers(
        self,
        seconds: np.ndarray,
        block: np.ndarray,
        ask: Callable[[np.ndarray], dict[str, np.ndarray]],
        least: int = LEAST_PART,
    ) -> dict[str, np.ndarray]:
        """Head -> (n, classes) of the rows at `seconds` (n,), whose windows lie in `block`
        (n + window - 1, channels); `ask` answers for some of them, by their numbers: for the last
        `least` of them in any case."""
        known = self._known(seconds, block)
        numbers = np.flatnonzero(~known)
        if len(numbers) < len(seconds):
            # In smaller parts a network's sums are rounded in another order.
            numbers = np.union1d(numbers, np.arange(max(0, len(seconds) - least), len(seconds)))
        fresh = ask(numbers)
        found = {h: np.empty((len(seconds), t.shape[1])) for h, t in fresh.items()}
        if self._held is not None and known.any():
            first = int(np.searchsorted(self._held[0], seconds[0]))
            for head, table in found.items():
                kept = self._held[2][head][first : first + len(seconds)]
                table[: len(kept)] = kept
        for head, table in found.items():
            table[numbers] = fresh[head]
        self._held = (seconds, block.copy(), found)
        return {head: table.copy() for head, table in found.items()}

    def _known(self, seconds: np.ndarray, block: np.ndarray) -> np.ndarray:
        """(n,) whether a row's answer is held: the same moment, and the same window."""
        known = np.zeros(len(seconds), dtype=bool)
        if self._held is None or not len(seconds):
            return known
        before, channels, _tables = self._held
        first, before_rows = int(np.searchsorted(before, seconds[0])), len(before)
        rows = min(before_rows - first, len(seconds))
        margin = len(block) - len(seconds)
        if (
            rows <= 0
            or channels.shape[1] != block.shape[1]
            or len(channels) != before_rows + margin
        ):
            return known
        same = (channels[first : first + rows + margin] == block[: rows + margin]).all(axis=1)
        whole = np.lib.stride_tricks.sliding_window_view(same, margin + 1).all(axis=1)
        known[:rows] = whole & (before[first : first + rows] == seconds[:rows])
        return known


def by_row(tables: dict[str, np.ndarray], mask: np.ndarray) -> dict[str, np.ndarray]:
    """Spread the tables of the masked rows over all rows, equal probabilities elsewhere."""
    out = {}
    for head, table in tables.items():
        full = np.full((len(mask), table.shape[1]), 1 / table.shape[1])
        full[mask] = table
        out[head] = full
    return out


# ------------------------------------------------------------------------------------ temperatures
def fit_temperatures(
    held_out: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> dict[str, float]:
    """Those of the lowest log loss, the main heads' made a little surer. `held_out`: head ->
    (rows, classes) plain probabilities of rows that the answering network had not seen; `labels`:
    head -> (rows,), -1 unknown."""
    out = {}
    for head, table in held_out.items():
        known = labels[head] >= 0
        degree = _coolest(np.log(np.maximum(table[known], 1e-12)), labels[head][known])
        out[head] = degree * (_SURER if head in MAIN_HEADS else 1.0)
    return out


def _coolest(logits: np.ndarray, truth: np.ndarray) -> float:
    """The temperature of the lowest log loss of (rows, classes) logits; 1 where there is no row."""
    if not len(truth):
        return 1.0

    def log_loss(degree: float) -> float:
        scaled = logits / degree
        norm = np.log(np.exp(scaled).sum(1))
        return float(np.mean(norm - scaled[np.arange(len(truth)), truth]))

    return float(min(_DEGREES, key=log_loss))


def at_temperatures(
    held_out: dict[str, np.ndarray], temperatures: dict[str, float]
) -> dict[str, np.ndarray]:
    """The same probabilities at those temperatures."""
    out = {}
    for head, table in held_out.items():
        power = np.maximum(table, 1e-12) ** (1 / temperatures[head])
        out[head] = power / power.sum(1, keepdims=True)
    return out
