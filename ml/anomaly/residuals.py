"""What the networks of a detector could not rebuild of the last row, and how they learn to rebuild.

Two steps carry most of the quality (measured in the benches): inputs are squashed before the
network and the squashed-off part is added back to the residual, and every residual is divided by
its own trailing 90 % quantile, so that a wild month is judged by its own measure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ml.anomaly.calibration import LEAST_ROWS
from ml.anomaly.features import Features
from ml.anomaly.nets import AnomalyConfig, AnomalyNetwork, RememberedRows
from ml.errors import NotEnoughData
from ml.loop import LoopResult, fit_network
from ml.spec import ModelSpec, Progress, ProgressCallback, ignore_progress

#: Share of the windows that says when to stop.
VALID_SHARE = 0.15
#: Windows that go through a network at once where nothing is learned.
_BATCH = 4096
_LINEAR = 3.0


def squash(z: np.ndarray) -> np.ndarray:
    """Linear up to 3, logarithmic beyond: one huge row must not own the whole input."""
    size = np.abs(z)
    return np.sign(z) * np.where(
        size > _LINEAR, _LINEAR + np.log1p(np.maximum(size - _LINEAR, 0)), size
    )


@dataclass(frozen=True)
class Standard:
    """Robust centre and scale per feature, from the training rows."""

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray) -> Standard:
        """From (rows, features), NaN where unknown."""
        known = [v[np.isfinite(v)] for v in values.T]
        center = np.array([np.median(v) if len(v) else 0.0 for v in known])
        scale = []
        for v, c in zip(known, center, strict=True):
            # The 90 % quantile, not the MAD: half of the returns of a quiet market are zero.
            wide = np.quantile(np.abs(v - c), 0.9) / 1.645 if len(v) else 1.0
            scale.append(max(wide, 0.1 * v.std() if len(v) else 0.0, 1e-6))
        return cls(center, np.array(scale))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(rows, features) -> the same, standardised."""
        return (values - self.center) / self.scale

    def to_json(self) -> dict[str, Any]:
        """For the artifact's manifest; `from_json` reads it."""
        return {"center": self.center.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Standard:
        """What `to_json` wrote."""
        return cls(np.array(body["center"]), np.array(body["scale"]))


@dataclass(frozen=True)
class Residuals:
    """All (rows, features), in standardised units: `size` of the residual with the squashed-off
    part, 0 where unknown; `signed`, its direction."""

    size: np.ndarray
    signed: np.ndarray


def residuals_of(z: np.ndarray, rebuilt: np.ndarray) -> Residuals:
    """From standardised values (NaN where unknown) and the rebuilt squashed ones."""
    squashed = squash(z)
    size = np.abs(rebuilt - squashed) + np.abs(z) - np.abs(squashed)
    return Residuals(np.nan_to_num(size), np.nan_to_num(z - rebuilt))


class Rebuilder:
    """The networks of one detector and what they are fed with."""

    def __init__(
        self, networks: list[AnomalyNetwork], standard: Standard, window: int, device: torch.device
    ) -> None:
        self.networks, self.standard = networks, standard
        self.window, self.device = window, device
        self.remembered = RememberedRows()

    def inputs(self, features: Features) -> tuple[np.ndarray, np.ndarray]:
        """(rows, features) standardised, NaN where unknown, and squashed with 0 for unknown."""
        z = self.standard(features.values)
        return z, np.nan_to_num(squash(z), nan=0.0)

    def last_rows(self, windows: Tensor) -> np.ndarray:
        """(batch, window, features) -> (batch, features): the mean over the networks of the
        rebuilt last row."""
        with torch.inference_mode():
            x = windows.to(self.device)
            last = cast(Tensor, sum(n.rebuild_last(x) for n in self.networks))
            return (last / len(self.networks)).double().cpu().numpy()

    def residuals(self, features: Features, first: int = 0) -> Residuals:
        """Those of every row, each at the end of a window of its own. Rows before the row `first`
        are not asked for: theirs are NaN."""
        z, squashed = self.inputs(features)
        readings = features.readings
        # Each row stands at the end of the readings before its own; the first one is repeated.
        own = np.arange(first, len(z))
        number = readings.reading[own, None] + np.arange(1 - self.window, 0)
        windows = np.column_stack([readings.last[np.maximum(number, 0)], own])
        table, rebuilt = squashed.astype(np.float32), np.full(z.shape, np.nan)
        if len(own):
            ask = self._asked(table)
            rebuilt[first:] = self.remembered.rebuilt(readings.minutes, table, windows, ask)
        found = residuals_of(z, rebuilt)
        found.size[:first] = found.signed[:first] = np.nan
        return found

    def _asked(self, table: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """(n, window) rows of the table -> (n, features) rebuilt last rows."""
        rows = torch.from_numpy(table)

        def ask(windows: np.ndarray) -> np.ndarray:
            parts = torch.from_numpy(windows).split(_BATCH)
            return np.concatenate([self.last_rows(rows[part]) for part in parts])

        return ask


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
) -> tuple[Rebuilder, LoopResult]:
    """Networks of the family `spec`, learned from the rows of the mask `train`; the losses are
    those of the first member. Raises NotEnoughData, Cancelled and TrainingDiverged."""
    last = features.readings.last
    standard = Standard.fit(features.values[last[train[last]]])
    rebuilder = Rebuilder([], standard, config.window, device)
    squashed = torch.from_numpy(rebuilder.inputs(features)[1][last].astype(np.float32))
    windows = _Windows.of(squashed.to(device), train[last], config.window)
    loops = []
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
        rebuilder.networks.append(network.eval())
    return rebuilder, loops[0]
