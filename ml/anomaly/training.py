"""Fit a detector on rows that nobody has labelled, or that somebody has labelled in part."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ml.anomaly.detector import NetworkDetector
from ml.anomaly.features import Features
from ml.anomaly.heads import Heads
from ml.anomaly.nets import AnomalyConfig, AnomalyNetwork
from ml.anomaly.residuals import Rebuilder, Standard
from ml.errors import NotEnoughData
from ml.loop import LoopResult, fit_network
from ml.spec import LabelledSpan, ModelSpec, ProgressCallback, ignore_progress

#: Rows below which neither a tail nor a promise of one alarm a week can be learned.
LEAST_ROWS = 1000
VALID_SHARE = 0.15
#: Rows after a confirmed anomaly that say nothing about usual scores: the way back is a move too.
AFTERMATH = 24


def usable(index: pd.DatetimeIndex, labels: Iterable[LabelledSpan]) -> np.ndarray:
    """(rows,) False where somebody has confirmed an anomaly, and in the AFTERMATH: those rows do
    not count in a calibration. A confirmed false alarm overrules it: those rows are normal.

    Networks and tails learn from all rows: they are drawn so that rare trouble does not shape them,
    and without it they took every aftermath for trouble (measured)."""
    keep = np.full(len(index), True)
    for span in sorted(labels, key=lambda s: not s.true):
        inside = np.flatnonzero((index >= span.start) & (index <= span.end))
        if len(inside):
            keep[inside[0] : inside[-1] + 1 + AFTERMATH] = not span.true
    return keep


def fit_detector(
    features: Features,
    train: np.ndarray,
    spec: ModelSpec,
    config: AnomalyConfig,
    *,
    device: torch.device,
    checkpoint: Path | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> tuple[NetworkDetector, LoopResult]:
    """Networks and heads, learned from the rows of the mask `train`. The losses reported are those
    of the first member. Raises NotEnoughData."""
    network, loop = _fit_networks(features, train, spec, config, device, checkpoint, on_progress)
    heads = Heads.fit(features, network.residuals(features), train)
    return NetworkDetector(network, heads), loop


def _fit_networks(
    features: Features,
    train: np.ndarray,
    spec: ModelSpec,
    config: AnomalyConfig,
    device: torch.device,
    checkpoint: Path | None,
    on_progress: ProgressCallback,
) -> tuple[Rebuilder, LoopResult]:
    last = features.readings.last
    standard = Standard.fit(features.values[last[train[last]]])
    rebuilder = Rebuilder([], standard, config.window, device)
    squashed = rebuilder.inputs(features)[1][last].astype(np.float32)
    # (windows, time, feature): one strided view, window i ends at reading i + window - 1.
    view = torch.from_numpy(squashed).to(device).unfold(0, config.window, 1)
    windows = view.transpose(1, 2)
    learn, check = _split(train[last], config.window)
    first: LoopResult | None = None
    for member in range(config.members):
        own = dataclasses.replace(config, seed=config.seed + member)
        torch.manual_seed(own.seed)
        network: AnomalyNetwork = spec.build(config, len(features.names)).to(device)
        stage = "training" if config.members == 1 else f"training {member + 1}/{config.members}"
        loop = fit_network(
            network,
            n_samples=len(learn),
            batch_loss=_batch_loss(network, windows, learn),
            valid_loss=_valid_loss(network, windows, check),
            config=own,
            checkpoint=checkpoint,
            on_progress=on_progress,
            stage=stage,
        )
        first = first or loop
        rebuilder.networks.append(network.eval())
    return rebuilder, cast(LoopResult, first)


def _split(train: np.ndarray, window: int) -> tuple[Tensor, Tensor]:
    """Numbers of the windows whose readings are all for training: to learn from, to validate on."""
    whole = np.convolve(train, np.ones(window), mode="valid") > window - 0.5
    picked = torch.from_numpy(np.flatnonzero(whole))
    cut = int(len(picked) * (1 - VALID_SHARE))
    learn, check = picked[:cut], picked[cut + window :]
    if len(learn) < window or not len(check):
        raise NotEnoughData(
            f"There are only {len(picked)} windows of {window} readings.",
            needed=LEAST_ROWS,
            present=len(picked),
        )
    return learn, check


def _batch_loss(
    network: AnomalyNetwork, windows: Tensor, learn: Tensor
) -> Callable[[Tensor], Tensor]:
    def loss(batch: Tensor) -> Tensor:
        return network.loss(windows[learn[batch]])

    return loss


def _valid_loss(network: AnomalyNetwork, windows: Tensor, check: Tensor) -> Callable[[], float]:
    def loss() -> float:
        parts = [(windows[p], len(p)) for p in check.split(4096)]
        return sum(float(network.loss(x)) * n for x, n in parts) / len(check)

    return loss
