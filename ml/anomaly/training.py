"""How the networks of a detector learn to rebuild windows of readings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ml.anomaly.calibration import LEAST_ROWS
from ml.anomaly.features import Features
from ml.anomaly.residuals import Rebuilder, Standard, squashed_inputs
from ml.configs import AnomalyConfig
from ml.errors import NotEnoughData
from ml.networks.anomaly import AnomalyNetwork, Together
from ml.networks.inference import plain_network
from ml.networks.loop import LoopResult, fit_network
from ml.spec import ModelSpec, Progress, ProgressCallback, ignore_progress

#: Share of the windows that says when to stop.
VALID_SHARE = 0.15
#: Windows that are validated on at once.
_BATCH = 4096


@dataclass(frozen=True)
class FittedRebuilder:
    """The networks, what asks them, and how each learned."""

    networks: list[AnomalyNetwork]
    rebuilder: Rebuilder
    loops: list[LoopResult]


@dataclass(frozen=True)
class _Windows:
    """values: (windows, time, feature) squashed; learn, check: numbers of the windows to learn from
    and of those to validate on, apart from each other."""

    values: Tensor
    learn: Tensor
    check: Tensor

    @classmethod
    def of(cls, squashed: Tensor, train: np.ndarray, window: int) -> _Windows:
        """From (readings, feature) and the (readings,) mask of those for training."""
        whole = np.convolve(train, np.ones(window), mode="valid") > window - 0.5
        picked = torch.from_numpy(np.flatnonzero(whole))
        cut = int(len(picked) * (1 - VALID_SHARE))
        learn, check = picked[:cut], picked[cut + window :]
        if len(learn) < window or not len(check):
            problem = f"There are only {len(picked)} windows of {window} readings."
            raise NotEnoughData(problem, needed=LEAST_ROWS, present=len(picked))
        # One strided view: window i ends at reading i + window - 1.
        return cls(squashed.unfold(0, window, 1).transpose(1, 2), learn, check)

    def batch_loss(self, network: AnomalyNetwork) -> Callable[[Tensor], Tensor]:
        """For `fit_network`: the loss on windows to learn from, by their places."""
        return lambda batch: network.loss(self.values[self.learn[batch]])

    def valid_loss(self, network: AnomalyNetwork) -> Callable[[], float]:
        """For `fit_network`: the mean loss on the windows to validate on."""

        def loss() -> float:
            parts = [(self.values[p], len(p)) for p in self.check.split(_BATCH)]
            return sum(float(network.loss(x)) * n for x, n in parts) / len(self.check)

        return loss


def _told(member: int, members: int) -> Progress:
    """What is said of a member's epochs."""
    stage = f"training {member + 1}/{members}" if members > 1 else "training"
    return Progress(stage=stage, part=member, parts=members)


def fit_rebuilder(
    features: Features,
    train: np.ndarray,
    spec: ModelSpec,
    config: AnomalyConfig,
    *,
    device: torch.device,
    checkpoint: Path | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> FittedRebuilder:
    """Networks of the family `spec`, learned from the rows of the mask `train`. Raises
    NotEnoughData, Cancelled and TrainingDiverged."""
    last = features.readings.last
    standard = Standard.fit(features.values[last[train[last]]])
    inputs = squashed_inputs(standard(features.values))
    squashed = torch.from_numpy(inputs[last].astype(np.float32))
    windows = _Windows.of(squashed.to(device), train[last], config.window)
    loops, networks = [], []
    for member in range(config.members):
        own = dataclasses.replace(config, seed=config.seed + member)
        torch.manual_seed(own.seed)
        network: AnomalyNetwork = spec.build(config, len(features.names)).to(device)
        loop = fit_network(
            network,
            n_samples=len(windows.learn),
            batch_loss=windows.batch_loss(network),
            valid_loss=windows.valid_loss(network),
            config=own,
            checkpoint=checkpoint,
            on_progress=on_progress,
            told=_told(member, config.members),
        )
        loops.append(loop)
        networks.append(network.eval())
    asked = plain_network(Together(networks), device)
    return FittedRebuilder(networks, Rebuilder(asked, standard, config.window), loops)
