"""From what a network answers to quantiles of the move: the move is mixed with an atom at the last
value, for quotes often do not change at all."""

from __future__ import annotations

import numpy as np

#: Quantiles of the move that a network answers with, and their levels.
N_KNOTS = 21
KNOT_LEVELS = (np.arange(N_KNOTS) + 0.5) / N_KNOTS


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
