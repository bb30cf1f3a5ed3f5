"""One temperature per head: how much less sure the served answer is than the networks."""

from __future__ import annotations

import numpy as np

from ml.pattern.labels import MAIN_HEADS

_DEGREES = np.geomspace(0.5, 4.0, 40)
#: The served mean of all networks, which saw half as much again, is right more often than a fold's
#: network: measured on four stretches of three markets, for the main heads (docs/experiments.md).
_SURER = 0.93


def fit_temperatures(
    held_out: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> dict[str, float]:
    """Those of the lowest log loss, the main heads' made a little surer. `held_out`: head ->
    (rows, classes) plain probabilities of rows that the answering network had not seen; `labels`:
    head -> (rows,), -1 unknown.
    Learn from: Guo et al. 2017, On calibration of modern neural networks."""
    out = {}
    for head, table in held_out.items():
        known = labels[head] >= 0
        degree = _coolest(np.log(np.maximum(table[known], 1e-12)), labels[head][known])
        out[head] = degree * (_SURER if head in MAIN_HEADS else 1.0)
    return out


def _coolest(logits: np.ndarray, truth: np.ndarray) -> float:
    if not len(truth):
        return 1.0

    def log_loss(degree: float) -> float:
        scaled = logits / degree
        norm = np.log(np.exp(scaled).sum(1))
        return float(np.mean(norm - scaled[np.arange(len(truth)), truth]))

    return float(min(_DEGREES, key=log_loss))


def warmed(
    held_out: dict[str, np.ndarray], temperatures: dict[str, float]
) -> dict[str, np.ndarray]:
    """The same probabilities at those temperatures."""
    out = {}
    for head, table in held_out.items():
        power = np.maximum(table, 1e-12) ** (1 / temperatures[head])
        out[head] = power / power.sum(1, keepdims=True)
    return out
