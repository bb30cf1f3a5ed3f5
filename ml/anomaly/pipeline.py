"""Fit and serve the anomaly task (see ml.pipeline for the contract).

Chronological: the first 80 % fit the networks, the tails and the thresholds; the last 20 % are
touched once, by the measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ml.anomaly.baseline import RobustZ
from ml.anomaly.calibration import PUBLIC_THRESHOLD, SLOPE, Promise, calibrate
from ml.anomaly.detector import NetworkDetector
from ml.anomaly.features import make_features
from ml.anomaly.measure import measure, trials
from ml.anomaly.nets import AnomalyConfig
from ml.anomaly.readings import usual_gap
from ml.anomaly.scored import Detector
from ml.anomaly.server import AnomalyServer
from ml.anomaly.training import LEAST_ROWS, fit_detector, usable
from ml.errors import NotEnoughData
from ml.loop import LoopResult
from ml.pipeline import FitContext, Fitted
from ml.spec import ModelSpec, Progress, Source, TrainConfig

TEST_SHARE = 0.2
_WEEK = pd.Timedelta(weeks=1)


def fit(spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext) -> Fitted:
    """Train on a quotes frame and measure on its untouched last stretch."""
    config = cast(AnomalyConfig, config)
    quotes = quotes[[c for c in quotes.columns if not c.endswith("_vwap")]]  # no feature uses it
    _refuse_short(quotes)
    cut = int(len(quotes) * (1 - TEST_SHARE))
    usual = usual_gap(quotes.index[:cut])
    detectors, promises, loop = _learn(quotes.iloc[:cut], usual, spec, config, context)
    context.on_progress(Progress(stage="measuring", epochs=config.epochs))
    start, end = quotes.index[cut], quotes.index[-1]
    prepared = trials(quotes, usual=usual, start=start, end=end)
    figures = {k: measure(d, prepared, promises[k].weekly) for k, d in detectors.items()}
    if figures[Source.NETWORK]["average_precision"] is None:
        raise NotEnoughData(
            "The last stretch has too few quotes to plant faults and measure a detector.",
            needed=LEAST_ROWS,
            present=len(quotes),
        )
    network = cast(NetworkDetector, detectors[Source.NETWORK])
    return Fitted(
        tensors={
            f"{i}.{k}": v
            for i, n in enumerate(network.network.networks)
            for k, v in n.state_dict().items()
        },
        section=_section(usual, detectors, promises),
        metrics=figures[Source.NETWORK],
        baseline_metrics=figures[Source.BASELINE],
        trained_until=quotes.index[cut - 1].to_pydatetime(),
        test_from=start.to_pydatetime(),
        grid_rows=len(quotes),
        window=config.window,
        input_columns=tuple(quotes.columns),
        epochs_run=loop.epochs_run,
        best_epoch=loop.best_epoch,
        losses=tuple(loop.losses),
    )


def _refuse_short(quotes: pd.DataFrame) -> None:
    if len(quotes) < LEAST_ROWS:
        raise NotEnoughData(
            f"An anomaly detector needs {LEAST_ROWS} rows with a price; there are {len(quotes)}.",
            needed=LEAST_ROWS,
            present=len(quotes),
        )


def _learn(
    quotes: pd.DataFrame,
    usual: float,
    spec: ModelSpec,
    config: AnomalyConfig,
    context: FitContext,
) -> tuple[dict[str, Detector], dict[str, Promise], LoopResult]:
    """The network's detector and the baseline with their promises, by Source."""
    features = make_features(quotes, usual=usual)
    train = np.full(len(quotes), True)
    network, loop = fit_detector(
        features,
        train,
        spec,
        config,
        device=context.device,
        checkpoint=context.checkpoint,
        on_progress=context.on_progress,
    )
    context.on_progress(Progress(stage="calibrating"))
    detectors: dict[str, Detector] = {
        Source.NETWORK: network,
        Source.BASELINE: RobustZ.fit(features, train),
    }
    quiet = usable(quotes.index, context.labels)
    weeks = (quotes.index[-1] - quotes.index[0]) / _WEEK * float(np.mean(quiet))
    slopes = {Source.NETWORK: SLOPE, Source.BASELINE: None}
    promises = {
        k: calibrate(d.score(features).total[quiet], weeks=weeks, slope=slopes[k])
        for k, d in detectors.items()
    }
    return detectors, promises, loop


def _section(
    usual: float, detectors: dict[str, Detector], promises: dict[str, Promise]
) -> dict[str, Any]:
    network = cast(NetworkDetector, detectors[Source.NETWORK])
    return {
        "features": list(network.heads.names),
        "usual_minutes": usual,
        "network": network.network.to_json(),
        "heads": network.heads.to_json(),
        "baseline": cast(RobustZ, detectors[Source.BASELINE]).to_json(),
        "promises": {str(k): v.to_json() for k, v in promises.items()},
        "public_threshold": PUBLIC_THRESHOLD,
    }


def load(
    manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
) -> AnomalyServer:
    return AnomalyServer(manifest, tensors, device)
