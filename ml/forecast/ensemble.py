"""A few networks of one family that answer together, the scaler of their static inputs, and the
arithmetic of their answers: the move is mixed with an atom at the last value, for quotes often do
not change at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.forecast.features import Inputs
from ml.forecast.metrics import LEVELS
from ml.graph import Network
from ml.tasks import N_KNOTS

#: Origins that are asked for at once.
_CHUNK = 4096
_LIMIT = 6.0


@dataclass(frozen=True)
class StaticScaler:
    """Standardises static inputs by `centre` and `width` (features,); what is unknown becomes 0,
    the mean."""

    centre: np.ndarray
    width: np.ndarray

    @classmethod
    def fit(cls, static: np.ndarray, odd: np.ndarray) -> StaticScaler:
        """Learn from `static` (n, features); `odd` (features,) marks inputs whose sign means a
        direction: their zero stays zero."""
        known = np.isfinite(static)
        count = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, static, 0.0)
        centre = np.where(odd, 0.0, filled.sum(axis=0) / count)
        square = np.where(known, (filled - centre) ** 2, 0.0).sum(axis=0) / count
        width = np.where(square > 1e-8, np.sqrt(square), 1.0)
        return cls(centre.astype("float32"), width.astype("float32"))

    def __call__(self, static: np.ndarray) -> np.ndarray:
        """(m, features) standardised and clipped, float32."""
        scaled = np.minimum(np.maximum((static - self.centre) / self.width, -_LIMIT), _LIMIT)
        return np.where(np.isnan(scaled), 0.0, scaled).astype("float32")

    def tensors(self) -> dict[str, np.ndarray]:
        """By name, for an artifact."""
        return {"static.centre": self.centre, "static.width": self.width}

    @classmethod
    def restore(cls, tensors: Mapping[str, np.ndarray]) -> StaticScaler:
        """Out of an artifact's tensors; raises KeyError."""
        return cls(tensors["static.centre"], tensors["static.width"])


class Ensemble:
    """Averages the quantiles of its members (Lakshminarayanan, Pritzel, Blundell 2017). `network`
    answers for all of them, one after the other along the batch (ml.networks.forecast.Together)."""

    def __init__(self, network: Network, members: int, scaler: StaticScaler) -> None:
        self.network, self.members, self.scaler = network, members, scaler

    def quantiles(self, inputs: Inputs) -> np.ndarray:
        """(m, horizons, levels) quantiles of the move, in the inputs' scale."""
        arrays = (inputs.windows, self.scaler(inputs.static), inputs.paths)
        starts = range(0, len(inputs.scale), _CHUNK)
        return np.concatenate([self._of([a[i : i + _CHUNK] for a in arrays]) for i in starts])

    def _of(self, arrays: list[np.ndarray]) -> np.ndarray:
        logit, knots = self.network.arrays(*(np.ascontiguousarray(array) for array in arrays))
        found = network_quantiles(logit, knots)
        total: np.ndarray = found.reshape(self.members, -1, *found.shape[1:]).sum(axis=0)
        return total / self.members


def network_quantiles(logit: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """(m, horizons, levels) quantiles of the move, of what one network in eval mode answers."""
    change = sigmoid(logit.astype("float64"))
    return mixture_quantiles(change, knots.astype("float64"), LEVELS)


def sigmoid(logit: np.ndarray) -> np.ndarray:
    """Probabilities of logits; no size of them overflows."""
    found: np.ndarray = np.exp(-np.logaddexp(0.0, -logit))
    return found


def mixture_quantiles(change: np.ndarray, knots: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(m, horizons, levels) quantiles of: 0 with probability 1 - change, else a move.

    `change` (m, horizons), `knots` (m, horizons, N_KNOTS) ascending. Beyond the outer knots the
    outermost slopes go on for half a knot, then stop.
    """
    change = np.minimum(np.maximum(change, 1e-6), 1.0)[..., None]
    below = _level_of_zero(knots)[..., None]
    low = change * below
    inner = np.where(levels < low, levels / change, (levels - (1 - change)) / change)
    values = _knot_values(knots, np.minimum(np.maximum(inner, 0.0), 1.0))
    return np.where((levels >= low) & (levels <= low + 1 - change), 0.0, values)


def _level_of_zero(knots: np.ndarray) -> np.ndarray:
    """(m, horizons) P(move < 0), linear between knots."""
    place = (knots < 0).sum(axis=-1, keepdims=True)
    left = np.minimum(np.maximum(place - 1, 0), N_KNOTS - 2)
    a, b = _beside(knots, left)
    share = np.minimum(np.maximum(-a / np.maximum(b - a, 1e-12), -0.5), 1.5)
    found: np.ndarray = ((left + 0.5 + share) / N_KNOTS)[..., 0]
    return found


def _knot_values(knots: np.ndarray, levels: np.ndarray) -> np.ndarray:
    place = np.minimum(np.maximum(levels * N_KNOTS - 0.5, -0.5), N_KNOTS - 0.5)
    left = np.minimum(np.maximum(np.floor(place), 0), N_KNOTS - 2).astype(int)
    a, b = _beside(knots, left)
    return a + (place - left) * (b - a)


def _beside(knots: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The knots of the numbers `left` (m, horizons, k), and those after them."""
    at = np.arange(0, knots.size, N_KNOTS).reshape(*knots.shape[:-1], 1) + left
    flat = knots.ravel()
    return flat[at], flat[at + 1]
