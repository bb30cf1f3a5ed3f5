"""Fit and serve the anomaly task (see ml.pipeline for the contract).

Chronological: the first 80 % fit the networks, the tails and the thresholds; the last 20 % are
touched once, by the measurement.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ml.anomaly.baseline import RobustZ
from ml.anomaly.calibration import PUBLIC_THRESHOLD, calibrate, to_public
from ml.anomaly.detector import NetworkDetector
from ml.anomaly.explain import explain
from ml.anomaly.features import Features
from ml.anomaly.heads import Rules
from ml.anomaly.measure import features_between, measure, trials
from ml.anomaly.residuals import TRAIL, NetworkHeads, Standard
from ml.anomaly.scored import Detector
from ml.errors import ArtifactMismatch, NotEnoughData
from ml.families.autoencoder import Autoencoder, AutoencoderConfig, build, window_loss
from ml.loop import LoopResult, fit_network
from ml.pipeline import FitContext, Fitted
from ml.spec import AnomalyScores, ModelSpec, Progress, Source, TrainConfig

#: Grid rows below which neither a tail nor a promise of one alarm a week can be learned.
LEAST_ROWS = 1000
TEST_SHARE = 0.2
VALID_SHARE = 0.15


def fit(
    spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext
) -> Fitted:
    """Train on a quotes frame and measure on its untouched last stretch."""
    config = cast(AutoencoderConfig, config)
    features = features_between(quotes, step_minutes=context.step_minutes)
    present = int(features.live.sum())
    if present < LEAST_ROWS:
        raise NotEnoughData(
            f"An anomaly detector needs {LEAST_ROWS} grid rows with a price; there are {present}.",
            needed=LEAST_ROWS,
            present=present,
        )
    index, cut = features.grid.index, int(len(features.live) * (1 - TEST_SHARE))
    train = features.live & (np.arange(len(index)) < cut)
    heads, loop = _fit_networks(features, train, config, context)
    context.on_progress(Progress(stage="calibrating", epochs=config.epochs))
    heads.fit_tails(features, train)
    detectors: dict[str, Detector] = {
        Source.NETWORK: NetworkDetector(heads, Rules.fit(features, train)),
        Source.BASELINE: RobustZ.fit(features, train),
    }
    thresholds = {
        k: calibrate(d.score(features).total[train], step_minutes=context.step_minutes)
        for k, d in detectors.items()
    }
    context.on_progress(Progress(stage="measuring", epochs=config.epochs))
    prepared = trials(quotes, step_minutes=context.step_minutes, start=index[cut], end=index[-1])
    figures = {k: measure(d, prepared, thresholds[k]) for k, d in detectors.items()}
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
    ends = np.flatnonzero(train)
    whole = features.first[ends] <= ends - config.window + 1
    picked = torch.from_numpy(ends[whole] - config.window + 1)
    cut = int(len(picked) * (1 - VALID_SHARE))
    learn, check = picked[:cut], picked[cut + config.window :]
    if len(learn) < config.window or not len(check):
        needed = LEAST_ROWS
        raise NotEnoughData(
            f"Gaps leave only {len(picked)} unbroken windows of {config.window} rows.",
            needed=needed,
            present=len(picked),
        )
    first: LoopResult | None = None
    for member in range(config.members):
        torch.manual_seed(config.seed + member)
        network = build(config, len(features.names)).to(context.device)
        loop = _train(network, windows, learn, check, config, context, member)
        first = first or loop
        heads.networks.append(network)
    return heads, cast(LoopResult, first)


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


class AnomalyServer:
    """Answers of a trained anomaly detector; nothing is written after loading."""

    def __init__(
        self, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
    ) -> None:
        section = manifest["section"]
        self.name, self.baseline = manifest["family"], manifest["baseline"]
        self.step, self.window = int(manifest["step_minutes"]), int(manifest["window"])
        self.columns, self.features = tuple(manifest["input_columns"]), tuple(section["features"])
        config = AutoencoderConfig(**manifest["config"])
        networks: list[nn.Module] = []
        for member in range(config.members):
            network: Autoencoder = build(config, len(self.features))
            mark = f"{member}."
            state = {k.removeprefix(mark): v for k, v in tensors.items() if k.startswith(mark)}
            network.load_state_dict(state)
            networks.append(network.to(device).eval())
        heads = NetworkHeads.from_json(section["network"], networks, self.window, device)
        self.detectors: dict[str, Detector] = {
            Source.NETWORK: NetworkDetector(heads, Rules.from_json(section["rules"])),
            Source.BASELINE: RobustZ.from_json(section["baseline"]),
        }
        self.thresholds: dict[str, float] = section["thresholds"]

    def _quotes(self, quotes: pd.DataFrame) -> pd.DataFrame:
        """The columns of the training; more are ignored, fewer are an error."""
        missing = [c for c in self.columns if c not in quotes.columns]
        if missing:
            raise ArtifactMismatch(
                "These quotes lack columns that the model was trained on.",
                {"columns": ", ".join(missing)},
            )
        return quotes[list(self.columns)]

    def scan(
        self,
        quotes: pd.DataFrame,
        *,
        start: dt.datetime | None,
        end: dt.datetime | None,
        threshold: float,
        source: Source,
    ) -> AnomalyScores:
        """Scores of the grid rows in start..end, each from rows up to its own."""
        first = None if start is None else pd.Timestamp(start)
        last = None if end is None else pd.Timestamp(end)
        features = features_between(
            self._quotes(quotes), step_minutes=self.step, start=first, end=last
        )
        index, present = features.grid.index, int(features.live.sum())
        if present < self.window:
            raise NotEnoughData(
                f"A scan needs {self.window} readings; there are {present}.",
                needed=self.window,
                present=present,
            )
        own = self.thresholds[source]
        raw = own * threshold / PUBLIC_THRESHOLD
        scored = self.detectors[source].score(features, threshold=raw)
        public = to_public(scored.total, own)
        public[: self.window - 1] = np.nan
        wanted = np.full(len(index), True) if first is None else np.asarray(index >= first)
        strange = np.flatnonzero(wanted & (np.nan_to_num(public, nan=-1.0) >= threshold))
        return AnomalyScores(
            timestamps=index[wanted],
            scores=public[wanted],
            threshold=threshold,
            anomalies=explain(features, scored, public, strange, raw),
            warming_up=bool(len(index) - wanted.sum() < TRAIL and present < TRAIL + self.window),
            source=source,
            name=self.name if source is Source.NETWORK else self.baseline,
        )

    def evaluate(
        self, quotes: pd.DataFrame, *, start: dt.datetime, end: dt.datetime, source: Source
    ) -> dict[str, float | None]:
        """The metrics of the training, on another stretch."""
        prepared = trials(
            self._quotes(quotes),
            step_minutes=self.step,
            start=pd.Timestamp(start),
            end=pd.Timestamp(end),
        )
        return measure(self.detectors[source], prepared, self.thresholds[source])


def load(
    manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
) -> AnomalyServer:
    return AnomalyServer(manifest, tensors, device)
