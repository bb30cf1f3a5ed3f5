"""The trained networks in use: windows in, one distribution per head and an embedding out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ml.pattern.features import DIRECTED
from ml.pattern.labels import CLASSES
from ml.pattern.nets import PatternNetwork

#: Windows that are answered at once.
_PART = 2048


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
