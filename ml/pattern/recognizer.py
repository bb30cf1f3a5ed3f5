"""The trained network in use, and how it is trained: windows in, one distribution per head out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ml.families.cnn import CNNConfig
from ml.loop import LoopResult, fit_network
from ml.pattern.labels import CLASSES
from ml.pipeline import FitContext

#: Channels that change their sign when the market is turned upside down.
_DIRECTED = (
    "return",
    "gap_short",
    "gap_day",
    "move_quick",
    "move_day",
    "slope_half",
    "slope_day",
)
_TEMPERATURES = np.geomspace(0.5, 4.0, 40)


def windows_of(channels: np.ndarray, window: int, device: torch.device) -> Tensor:
    """(rows, channels) -> (rows - window + 1, window, channels), one strided view without copies;
    entry i ends at row i + window - 1."""
    return torch.from_numpy(channels).to(device).unfold(0, window, 1).transpose(1, 2)


def mirror_of(names: tuple[str, ...], device: torch.device) -> Tensor:
    """(channels,) of 1 and -1: multiplying by it turns the market upside down."""
    return torch.tensor([-1.0 if n in _DIRECTED else 1.0 for n in names], device=device)


def _logits(network: nn.Module, x: Tensor, mirror: Tensor) -> dict[str, Tensor]:
    """Mean of the market as it is and upside down (there "up" reads "down")."""
    plain, turned = network(x), network(x * mirror)
    turned["movement"] = turned["movement"].flip(1)
    return {head: (plain[head] + turned[head]) / 2 for head in plain}


def predict(
    network: nn.Module,
    windows: Tensor,
    starts: np.ndarray,
    mirror: Tensor,
    temperatures: Mapping[str, float],
) -> dict[str, np.ndarray]:
    """Head -> (len(starts), classes) calibrated probabilities of the windows of those numbers."""
    parts: dict[str, list[np.ndarray]] = {head: [] for head in temperatures}
    with torch.inference_mode():
        for part in torch.from_numpy(starts).split(2048):
            for head, logits in _logits(network, windows[part], mirror).items():
                soft = (logits.double() / temperatures[head]).softmax(1)
                parts[head].append(soft.cpu().numpy())
    return {h: np.concatenate(p) if p else np.empty((0, len(CLASSES[h]))) for h, p in parts.items()}


def _loss(logits: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Sum over the heads of the mean cross-entropy of the rows that have a label."""
    losses = []
    for head, truth in labels.items():
        total = nn.functional.cross_entropy(logits[head], truth, ignore_index=-1, reduction="sum")
        losses.append(total / (truth >= 0).sum().clamp(min=1))
    return torch.stack(losses).sum()


def train(
    network: nn.Module,
    windows: Tensor,
    labels: dict[str, np.ndarray],
    learn: np.ndarray,
    check: np.ndarray,
    mirror: Tensor,
    config: CNNConfig,
    context: FitContext,
) -> LoopResult:
    """`labels`: head -> (rows,); `learn` and `check` are window numbers. A window is shown upside
    down half of the time: what rises could as well fall."""
    at = config.window - 1
    truth = {h: torch.from_numpy(v[at:]).to(context.device) for h, v in labels.items()}
    learn_, check_ = torch.from_numpy(learn), torch.from_numpy(check)
    coin = torch.Generator().manual_seed(config.seed)

    def batch_loss(batch: Tensor) -> Tensor:
        picked = learn_[batch]
        turn = (torch.rand(len(picked), generator=coin) < 0.5).to(context.device)
        x = torch.where(turn[:, None, None], windows[picked] * mirror, windows[picked])
        wanted = {h: v[picked] for h, v in truth.items()}
        move = wanted["movement"]
        wanted["movement"] = torch.where(turn & (move >= 0), 2 - move, move)
        return _loss(network(x), wanted)

    def valid_loss() -> float:
        total = 0.0
        for part in check_.split(4096):
            wanted = {h: v[part] for h, v in truth.items()}
            total += float(_loss(_logits(network, windows[part], mirror), wanted)) * len(part)
        return total / len(check_)

    return fit_network(
        network,
        n_samples=len(learn),
        batch_loss=batch_loss,
        valid_loss=valid_loss,
        config=config,
        checkpoint=context.workdir / "checkpoint.safetensors",
        on_progress=context.on_progress,
    )


def fit_temperatures(
    network: nn.Module,
    windows: Tensor,
    labels: dict[str, np.ndarray],
    check: np.ndarray,
    mirror: Tensor,
    window: int,
) -> dict[str, float]:
    """One temperature per head: the one of the lowest log loss on the validation windows."""
    ones = dict.fromkeys(labels, 1.0)
    raw = predict(network, windows, check, mirror, ones)
    out = {}
    for head, table in raw.items():
        truth = labels[head][check + window - 1]
        known = truth >= 0
        logits = np.log(np.maximum(table[known], 1e-12))
        if not known.any():
            out[head] = 1.0
            continue

        def log_loss(
            t: float, logits: np.ndarray = logits, truth: np.ndarray = truth[known]
        ) -> float:
            scaled = logits / t
            norm = np.log(np.exp(scaled).sum(1))
            return float(np.mean(norm - scaled[np.arange(len(truth)), truth]))

        out[head] = float(min(_TEMPERATURES, key=log_loss))
    return out
