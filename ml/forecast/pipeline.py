"""Training of forecasts (the contract of ml.pipeline), for price and spread alike."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

import numpy as np
import pandas as pd

from ml.configs import ForecastConfig, Sizes
from ml.forecast.baseline import residual_climatology
from ml.forecast.features import FeatureMaker
from ml.forecast.fitting.training import Job, Trained, train
from ml.forecast.novelty import NoveltyIndex, fit_novelty
from ml.forecast.quantiles import ForecasterState
from ml.forecast.series import SLOW_DAYS, make_series
from ml.forecast.server import Forecaster
from ml.forecast.targets import Target, find_tick_size, split_rows
from ml.grid import build_grid
from ml.networks.forecast import Together
from ml.networks.inference import graph_of
from ml.networks.weights import weights_of
from ml.pipeline import FitContext, Fitted
from ml.spec import ModelSpec, Source, TrainConfig
from ml.tasks import HORIZONS


def fit(spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext) -> Fitted:
    """Choose the number of epochs and the shrinkage on the validation stretch, train once more on
    everything before the test stretch, and measure there. Raises BadQuotes (a spread without both
    sides), NotEnoughData, Cancelled and TrainingDiverged."""
    config = cast(ForecastConfig, config)
    target = Target(spec.task)
    columns = target.price_columns(tuple(quotes.columns))
    quotes = quotes[list(columns)]
    grid = build_grid(quotes, step_minutes=context.step_minutes)
    series = make_series(grid, target, context.step_minutes)
    known = np.isfinite(series.y)
    split = split_rows(known, window=config.window, per_day=series.per_day)
    if not context.hold_out:
        split = split.without_test(known)
    maker = FeatureMaker(series, config.window, fitted_on=split.train)
    job = Job(spec=spec, config=config, context=context, quotes=quotes, maker=maker, split=split)
    trained = train(job)
    novelty = fit_novelty(maker, split.train, split.valid)
    state = _state(job, trained, columns, grid, novelty)
    server = Forecaster(spec, state)
    rows = np.arange(split.test.start, split.test.stop)
    return Fitted(
        tensors=_tensors(trained) | novelty.tensors(),
        graph=graph_of(Together(trained.members), trained.sizes.inputs(config.window)),
        section=_section(state, trained.sizes),
        metrics=server.measure(series, rows, Source.NETWORK),
        baseline_metrics=server.measure(series, rows, Source.BASELINE),
        trained_until=series.index[split.valid.stop + max(HORIZONS)].to_pydatetime(),
        test_from=series.index[split.test.start].to_pydatetime(),
        grid_rows=len(series),
        window=config.window,
        input_columns=columns,
        epochs_run=trained.runs[0].epochs_run,
        best_epoch=trained.runs[0].best_epoch,
        losses=tuple(trained.runs[0].losses),
        windows=trained.windows,
    )


def _state(
    job: Job,
    trained: Trained,
    columns: tuple[str, ...],
    grid: pd.DataFrame,
    novelty: NoveltyIndex,
) -> ForecasterState:
    """What serving needs; what it learns of the grid itself ends where the validation ends."""
    series, stop = job.maker.series, job.split.valid.stop
    recent = slice(max(0, stop - SLOW_DAYS * series.per_day), stop)
    return ForecasterState(
        window=job.maker.window,
        step_minutes=series.step_minutes,
        columns=columns,
        ensemble=trained.ensemble,
        shrinkage=trained.shrinkage,
        simple=trained.simple,
        pool=trained.pool,
        tick_size=find_tick_size(grid[list(columns)].to_numpy()[recent]),
        typical=job.maker.typical,
        climatology=residual_climatology(series.y[:stop]),
        novelty=novelty,
    )


def _tensors(trained: Trained) -> dict[str, np.ndarray]:
    """All that the networks learnt, by name."""
    return weights_of(trained.members, "member{}.") | trained.ensemble.scaler.tensors()


def _section(state: ForecasterState, sizes: Sizes) -> dict[str, Any]:
    """What `load` needs beside the tensors, as plain JSON. Its keys are those of the format, and
    keep older words: an artifact outlives a renaming."""
    return {
        "columns": list(state.columns),
        "sizes": asdict(sizes),
        "typical": asdict(state.typical),
        "calibration": {k: list(v) for k, v in asdict(state.shrinkage).items()},
        "simple": state.simple.as_json(),
        "pool": state.pool.as_json(),
        "tick": state.tick_size,
        "climate": state.climatology,
    }
