"""A small window autoencoder of a plain series: what of the last row it could not rebuild."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ml.anomaly.residuals import squash
from ml.device import set_seeds
from ml.errors import TrainingDiverged
from ml.families.autoencoder import Autoencoder, AutoencoderConfig, build, window_loss
from ml.loop import fit_network
from ml.spec import ProgressCallback, ignore_progress

WINDOW, LATENT, CHANNELS = 32, 8, 16
#: Optimiser steps of a fit, whatever the length of the history; the most windows it looks at.
STEPS, MOST_WINDOWS = 300, 10_240
_BATCH = 256
_LEAST_WINDOWS = 64


@dataclass(frozen=True)
class ValueNetwork:
    network: Autoencoder
    device: torch.device

    def residuals(self, z: np.ndarray) -> np.ndarray:
        """(rows, columns) standardised columns -> (rows, columns) sizes of the residual of each
        row as the last of its window, with what squashing took away added back."""
        squashed = squash(z)
        padded = np.vstack([np.repeat(squashed[:1], WINDOW - 1, axis=0), squashed])
        windows = _windows(padded)
        last = np.empty_like(squashed)
        with torch.inference_mode():
            for start in range(0, len(z), 4096):
                part = windows[start : start + 4096].to(self.device)
                last[start : start + 4096] = self.network(part)[:, -1].double().cpu().numpy()
        return np.abs(last - squashed) + np.abs(z) - np.abs(squashed)


def _windows(table: np.ndarray) -> Tensor:
    """(rows, columns) -> (windows, time, columns), one strided view."""
    return torch.from_numpy(table.astype(np.float32)).unfold(0, WINDOW, 1).transpose(1, 2)


def fit_value_network(
    z: np.ndarray,
    *,
    seed: int,
    device: torch.device,
    on_progress: ProgressCallback = ignore_progress,
    stage: str = "training",
) -> ValueNetwork | None:
    """Fit on standardised columns (rows, columns); None where they are too few or too wild."""
    count = len(z) - WINDOW + 1
    if count < _LEAST_WINDOWS:
        return None
    windows = _windows(squash(z))[:: math.ceil(count / MOST_WINDOWS)].to(device)
    epochs = math.ceil(STEPS / math.ceil(len(windows) / _BATCH))
    config = AutoencoderConfig(
        epochs=epochs,
        patience=epochs,
        batch_size=_BATCH,
        window=WINDOW,
        latent=LATENT,
        channels=CHANNELS,
        members=1,
        seed=seed,
    )
    set_seeds(seed)
    network = build(config, z.shape[1]).to(device)
    check = windows[-max(1, len(windows) // 8) :]
    try:
        fit_network(
            network,
            n_samples=len(windows),
            batch_loss=lambda batch: window_loss(network(windows[batch]), windows[batch]),
            # Nothing is held out: one short cycle to its end, the check only finds a divergence.
            valid_loss=lambda: float(window_loss(network(check), check)),
            config=config,
            on_progress=on_progress,
            stage=stage,
        )
    except TrainingDiverged:
        return None
    return ValueNetwork(network.eval(), device)
