"""The trained networks in use: windows in, calibrated distributions and an embedding out.

One temperature per head says how much less sure the served answer is than the networks.
Learn from: Guo et al. 2017, On calibration of modern neural networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ml.pattern.features import DIRECTED
from ml.pattern.labels import CLASSES, MAIN_HEADS
from ml.pattern.nets import PatternNetwork

#: Windows that are answered at once.
_PART = 2048
#: Temperatures to choose from.
_DEGREES = np.geomspace(0.5, 4.0, 40)
#: The served mean of all networks, which saw half as much again, is right more often than a fold's
#: network: measured on four stretches of three markets, for the main heads (docs/experiments.md).
_SURER = 0.93


def windows_of(channels: np.ndarray, window: int, device: torch.device) -> Tensor:
    """(rows, channels) -> (rows - window + 1, window, channels), one strided view without copies;
    entry i ends at row i + window - 1."""
    return torch.from_numpy(channels).to(device).unfold(0, window, 1).transpose(1, 2)


def mirror_of(names: tuple[str, ...], device: torch.device) -> Tensor:
    """(channels,) of 1 and -1: multiplying by it turns the market upside down."""
    return torch.tensor([-1.0 if n in DIRECTED else 1.0 for n in names], device=device)


def both_ways(network: PatternNetwork, x: Tensor, mirror: Tensor) -> dict[str, Tensor]:
    """Logits: mean of the market as it is and upside down (there "up" reads "down")."""
    plain, turned = network(x), network(x * mirror)
    turned["movement"] = turned["movement"].flip(1)
    return {head: (plain[head] + turned[head]) / 2 for head in plain}


def predict(
    networks: Sequence[PatternNetwork],
    windows: Tensor,
    starts: np.ndarray,
    mirror: Tensor,
    temperatures: Mapping[str, float],
) -> dict[str, np.ndarray]:
    """Head -> (len(starts), classes) calibrated probabilities of the windows of those numbers: the
    softmax of the networks' mean logits over the head's temperature."""
    parts: dict[str, list[np.ndarray]] = {head: [] for head in temperatures}
    with torch.inference_mode():
        for part in torch.from_numpy(starts).split(_PART):
            answers = [both_ways(network, windows[part], mirror) for network in networks]
            for head, degree in temperatures.items():
                logits = torch.stack([a[head] for a in answers]).mean(0)
                soft = (logits.double() / degree).softmax(1)
                parts[head].append(soft.cpu().numpy())
    return {h: np.concatenate(p) if p else np.empty((0, len(CLASSES[h]))) for h, p in parts.items()}


def embed(network: PatternNetwork, windows: Tensor, starts: np.ndarray) -> np.ndarray:
    """(len(starts), embedding_size) float32: what the heads of a network look at."""
    with torch.inference_mode():
        parts = [network.embedding(windows[p]) for p in torch.from_numpy(starts).split(_PART)]
        return torch.cat(parts).cpu().numpy()


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
