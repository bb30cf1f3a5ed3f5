"""Fit the anomaly task (see ml.pipeline for the contract).

Chronological: the first 80 % fit the networks, the tails and the thresholds; the last 20 % are
touched once, by the measurement.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd

from ml.anomaly.calibration import (
    LEAST_ROWS,
    SLOPE,
    AlarmRateCalibration,
    calibrate,
    calibration_rows,
    too_few_rows,
)
from ml.anomaly.detectors import Detector, NetworkDetector, RobustZ
from ml.anomaly.features import make_features
from ml.anomaly.measure import measure, trials
from ml.anomaly.readings import usual_gap
from ml.anomaly.training import FittedRebuilder, fit_rebuilder
from ml.configs import AnomalyConfig
from ml.errors import NotEnoughData
from ml.networks.anomaly import Together
from ml.networks.inference import graph_of
from ml.networks.weights import weights_of
from ml.pipeline import FitContext, Fitted
from ml.results import PUBLIC_THRESHOLD
from ml.spec import ModelSpec, Progress, Source, TrainConfig

TEST_SHARE = 0.2
_WEEK = pd.Timedelta(weeks=1)


def fit(spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext) -> Fitted:
    """Train on a quotes frame and measure on its untouched last stretch. Raises NotEnoughData,
    Cancelled and TrainingDiverged."""
    config = cast(AnomalyConfig, config)
    quotes = quotes[[c for c in quotes.columns if not c.endswith("_vwap")]]  # no feature uses it
    if len(quotes) < LEAST_ROWS:
        raise too_few_rows(len(quotes), "with a price")
    cut = int(len(quotes) * (1 - TEST_SHARE))
    usual = usual_gap(quotes.index[:cut])
    detectors, calibrations, fitted = _learn(quotes.iloc[:cut], usual, spec, config, context)
    context.on_progress(Progress(stage="measuring", epochs=config.epochs))
    start, end = quotes.index[cut], quotes.index[-1]
    prepared = trials(quotes, usual=usual, start=start, end=end)
    figures = {k: measure(d, prepared, calibrations[k].weekly) for k, d in detectors.items()}
    if figures[Source.NETWORK]["average_precision"] is None:
        problem = "The last stretch has too few quotes to plant faults and measure a detector."
        raise NotEnoughData(problem, needed=LEAST_ROWS, present=len(quotes))
    detector = cast(NetworkDetector, detectors[Source.NETWORK])
    shapes, loop = [(config.window, len(detector.heads.names))], fitted.loops[0]
    return Fitted(
        tensors=weights_of(fitted.networks, "{}."),
        graph=graph_of(Together(fitted.networks), shapes),
        section=_section(usual, detectors, calibrations),
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


def _learn(
    quotes: pd.DataFrame,
    usual: float,
    spec: ModelSpec,
    config: AnomalyConfig,
    context: FitContext,
) -> tuple[dict[Source, Detector], dict[Source, AlarmRateCalibration], FittedRebuilder]:
    """The network's detector and the baseline with their calibrations."""
    features = make_features(quotes, usual=usual)
    train = np.full(len(quotes), True)
    fitted = fit_rebuilder(
        features,
        train,
        spec,
        config,
        device=context.device,
        checkpoint=context.checkpoint,
        on_progress=context.on_progress,
    )
    context.on_progress(Progress(stage="calibrating"))
    detectors: dict[Source, Detector] = {
        Source.NETWORK: NetworkDetector.fit(fitted.rebuilder, features, train),
        Source.BASELINE: RobustZ.fit(features, train),
    }
    quiet = calibration_rows(quotes.index, context.labels)
    weeks = (quotes.index[-1] - quotes.index[0]) / _WEEK * float(np.mean(quiet))
    slopes = {Source.NETWORK: SLOPE, Source.BASELINE: None}
    calibrations = {
        k: calibrate(d.score(features).total[quiet], weeks=weeks, slope=slopes[k])
        for k, d in detectors.items()
    }
    return detectors, calibrations, fitted


def _section(
    usual: float,
    detectors: dict[Source, Detector],
    calibrations: dict[Source, AlarmRateCalibration],
) -> dict[str, Any]:
    """The names in it are those of the first artifacts, which are still read."""
    network = cast(NetworkDetector, detectors[Source.NETWORK])
    return {
        "features": list(network.heads.names),
        "usual_minutes": usual,
        "network": network.network.standard.to_json(),
        "heads": network.heads.to_json(),
        "baseline": cast(RobustZ, detectors[Source.BASELINE]).standard.to_json(),
        "promises": {str(k): v.to_json() for k, v in calibrations.items()},
        "public_threshold": PUBLIC_THRESHOLD,
    }
