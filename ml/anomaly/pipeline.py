"""Fit and serve the anomaly task (see ml.pipeline for the contract).

Chronological: the first 80 % fit the networks, the tails and the thresholds; the last 20 % are
touched once, by the measurement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ml.anomaly.baseline import RobustZ
from ml.anomaly.calibration import PUBLIC_THRESHOLD, calibrate
from ml.anomaly.detector import NetworkDetector
from ml.anomaly.features import Features
from ml.anomaly.heads import Rules
from ml.anomaly.measure import features_between, measure, trials
from ml.anomaly.residuals import NetworkHeads, Standard
from ml.anomaly.scored import Detector
from ml.anomaly.server import AnomalyServer
from ml.errors import NotEnoughData
from ml.families.autoencoder import AutoencoderConfig, build, window_loss
from ml.loop import LoopResult, fit_network
from ml.pipeline import FitContext, Fitted
from ml.spec import ModelSpec, Progress, Source, TrainConfig

#: Grid rows below which neither a tail nor a promise of one alarm a week can be learned.
LEAST_ROWS = 1000
TEST_SHARE = 0.2
VALID_SHARE = 0.15


def fit(spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext) -> Fitted:
    """Train on a quotes frame and measure on its untouched last stretch."""
    config = cast(AutoencoderConfig, config)
    quotes = quotes[[c for c in quotes.columns if not c.endswith("_vwap")]]  # no feature uses it
    features = features_between(quotes, step_minutes=context.step_minutes)
    _refuse_short(features)
    index, cut = features.grid.index, int(len(features.live) * (1 - TEST_SHARE))
    train = features.live & (np.arange(len(index)) < cut)
    heads, loop = _fit_networks(features, train, config, context)
    detectors, thresholds = _fit_detectors(heads, features, train, context)
    context.on_progress(Progress(stage="measuring", epochs=config.epochs))
    prepared = trials(quotes, step_minutes=context.step_minutes, start=index[cut], end=index[-1])
    figures = {k: measure(d, prepared, thresholds[k]) for k, d in detectors.items()}
    if figures[Source.NETWORK]["average_precision"] is None:
        raise NotEnoughData(
            "The last stretch has too few quotes to plant faults and measure a detector.",
            needed=LEAST_ROWS,
            present=len(quotes),
        )
    return Fitted(
        tensors={
            f"{i}.{k}": v for i, n in enumerate(heads.networks) for k, v in n.state_dict().items()
        },
        section=_section(features, detectors, thresholds),
        metrics=figures[Source.NETWORK],
        baseline_metrics=figures[Source.BASELINE],
        trained_until=index[cut - 1].to_pydatetime(),
        test_from=index[cut].to_pydatetime(),
        grid_rows=len(index),
        window=config.window,
        input_columns=tuple(quotes.columns),
        epochs_run=loop.epochs_run,
        best_epoch=loop.best_epoch,
        losses=tuple(loop.losses),
    )


def _refuse_short(features: Features) -> None:
    present = int(features.live.sum())
    if present < LEAST_ROWS:
        raise NotEnoughData(
            f"An anomaly detector needs {LEAST_ROWS} grid rows with a price; there are {present}.",
            needed=LEAST_ROWS,
            present=present,
        )


def _fit_detectors(
    heads: NetworkHeads, features: Features, train: np.ndarray, context: FitContext
) -> tuple[dict[str, Detector], dict[str, float]]:
    """The network's detector and the baseline, with their raw thresholds, by Source."""
    context.on_progress(Progress(stage="calibrating"))
    heads.fit_tails(features, train)
    detectors: dict[str, Detector] = {
        Source.NETWORK: NetworkDetector(heads, Rules.fit(features, train)),
        Source.BASELINE: RobustZ.fit(features, train),
    }
    return detectors, {
        k: calibrate(d.score(features).total[train], step_minutes=context.step_minutes)
        for k, d in detectors.items()
    }


def _section(
    features: Features, detectors: dict[str, Detector], thresholds: dict[str, float]
) -> dict[str, Any]:
    network = cast(NetworkDetector, detectors[Source.NETWORK])
    return {
        "features": list(features.names),
        "network": network.network.to_json(),
        "rules": network.rules.to_json(),
        "baseline": cast(RobustZ, detectors[Source.BASELINE]).to_json(),
        "thresholds": {str(k): v for k, v in thresholds.items()},
        "public_threshold": PUBLIC_THRESHOLD,
    }


def _fit_networks(
    features: Features, train: np.ndarray, config: AutoencoderConfig, context: FitContext
) -> tuple[NetworkHeads, LoopResult]:
    """Train the members one after the other; the losses reported are those of the first."""
    heads = NetworkHeads([], Standard.fit(features.values[train]), config.window, context.device)
    squashed = heads.inputs(features)[1].astype(np.float32)
    # (windows, time, feature): one strided view, window i ends at row i + window - 1.
    view = torch.from_numpy(squashed).to(context.device).unfold(0, config.window, 1)
    windows = view.transpose(1, 2)
    learn, check = _split(features, train, config.window)
    first: LoopResult | None = None
    for member in range(config.members):
        torch.manual_seed(config.seed + member)
        network = build(config, len(features.names)).to(context.device)
        loop = _train(network, windows, learn, check, config, context, member)
        first = first or loop
        heads.networks.append(network)
    return heads, cast(LoopResult, first)


def _split(features: Features, train: np.ndarray, window: int) -> tuple[Tensor, Tensor]:
    """Numbers of the unbroken training windows: those to learn from, those to validate on."""
    ends = np.flatnonzero(train)
    whole = features.first[ends] <= ends - window + 1
    picked = torch.from_numpy(ends[whole] - window + 1)
    cut = int(len(picked) * (1 - VALID_SHARE))
    learn, check = picked[:cut], picked[cut + window :]
    if len(learn) < window or not len(check):
        raise NotEnoughData(
            f"Gaps leave only {len(picked)} unbroken windows of {window} rows.",
            needed=LEAST_ROWS,
            present=len(picked),
        )
    return learn, check


def _train(
    network: nn.Module,
    windows: Tensor,
    learn: Tensor,
    check: Tensor,
    config: AutoencoderConfig,
    context: FitContext,
    member: int,
) -> LoopResult:
    def batch_loss(batch: Tensor) -> Tensor:
        x = windows[learn[batch]]
        return window_loss(network(x), x)

    def valid_loss() -> float:
        parts = [(windows[p], len(p)) for p in check.split(4096)]
        return sum(float(window_loss(network(x), x)) * n for x, n in parts) / len(check)

    return fit_network(
        network,
        n_samples=len(learn),
        batch_loss=batch_loss,
        valid_loss=valid_loss,
        config=dataclasses.replace(config, seed=config.seed + member),
        checkpoint=context.workdir / "checkpoint.safetensors",
        on_progress=context.on_progress,
        stage="training" if config.members == 1 else f"training {member + 1}/{config.members}",
    )


def load(
    manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
) -> AnomalyServer:
    return AnomalyServer(manifest, tensors, device)
