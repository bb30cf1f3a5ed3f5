"""Training and serving of forecasts (the contract of ml.pipeline), for price and spread alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import pandas as pd
import torch

from ml.errors import ArtifactMismatch
from ml.forecast.baseline import residual_climate
from ml.forecast.calibration import Calibration
from ml.forecast.ensemble import Ensemble
from ml.forecast.experts import Simple
from ml.forecast.features import FeatureMaker, Typical
from ml.forecast.nets import ForecastConfig, Sizes
from ml.forecast.novelty import Guard, fit_guard
from ml.forecast.pool import Pool
from ml.forecast.series import make_series
from ml.forecast.server import ForecastServer, Learnt
from ml.forecast.targets import Split, Target, split_rows
from ml.forecast.tick_size import training_tick
from ml.forecast.training import Job, train
from ml.grid import build_grid
from ml.pipeline import FitContext, Fitted, family_of
from ml.spec import ModelSpec, Source, TrainConfig
from ml.tasks import HORIZONS


def fit(spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext) -> Fitted:
    """Choose the number of epochs and the calibration on the validation stretch, train once more
    on everything before the test stretch, and measure there."""
    config = cast(ForecastConfig, config)
    columns = Target(spec.task).price_columns(tuple(quotes.columns))
    grid = build_grid(quotes[list(columns)], step_minutes=context.step_minutes)
    series = make_series(grid, Target(spec.task), context.step_minutes)
    window = config.window
    split = split_rows(len(series), window=window, per_day=series.per_day)
    if not context.hold_out:
        split = _without_test(split, len(series))
    maker = FeatureMaker(series, window, fitted_on=split.train)
    job = Job(
        spec=spec,
        config=config,
        context=context,
        quotes=quotes[list(columns)],
        maker=maker,
        split=split,
    )
    trained = train(job)
    learnt = Learnt(
        window=window,
        step_minutes=context.step_minutes,
        columns=columns,
        ensemble=trained.ensemble,
        calibration=trained.calibration,
        simple=trained.simple,
        pool=trained.pool,
        tick=training_tick(grid[list(columns)].to_numpy(), series, split.valid.stop),
        typical=maker.typical,
        climate=residual_climate(series.y[: split.valid.stop]),
        guard=fit_guard(maker, split.train, split.valid),
    )
    server = ForecastServer(spec, learnt)
    rows = np.arange(split.test.start, split.test.stop)
    return Fitted(
        tensors={**trained.ensemble.tensors(), **learnt.guard.tensors()},
        section=_section(learnt, trained.sizes),
        metrics=server.measure(series, rows, Source.NETWORK),
        baseline_metrics=server.measure(series, rows, Source.BASELINE),
        trained_until=series.index[split.valid.stop + max(HORIZONS)].to_pydatetime(),
        test_from=series.index[split.test.start].to_pydatetime(),
        grid_rows=len(series),
        window=window,
        input_columns=columns,
        epochs_run=trained.runs[0].epochs_run,
        best_epoch=trained.runs[0].best_epoch,
        losses=tuple(trained.runs[0].losses),
    )


def _without_test(split: Split, rows: int) -> Split:
    """The split that learns up to the end, and measures itself where it validates."""
    stop = rows - 1 - max(HORIZONS)
    valid = range(stop - len(split.valid), stop)
    return Split(
        range(split.train.start, valid.start - split.embargo),
        valid,
        valid,
        split.embargo,
    )


def _section(learnt: Learnt, sizes: Sizes) -> dict[str, Any]:
    """What `load` needs beside the tensors, as plain JSON."""
    return {
        "columns": list(learnt.columns),
        "sizes": asdict(sizes),
        "typical": asdict(learnt.typical),
        "calibration": {k: list(v) for k, v in asdict(learnt.calibration).items()},
        "simple": asdict(learnt.simple),
        "pool": learnt.pool.as_json(),
        "tick": learnt.tick,
        "climate": learnt.climate,
    }


def load(
    manifest: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    device: torch.device,
) -> ForecastServer:
    spec, plain = family_of(manifest)
    config = cast(ForecastConfig, plain)
    try:
        section = manifest["section"]
        sizes = Sizes(**section["sizes"])
        members = [spec.build(config, sizes) for _ in range(config.members)]
        learnt = Learnt(
            window=manifest["window"],
            step_minutes=manifest["step_minutes"],
            columns=tuple(section["columns"]),
            ensemble=Ensemble.restore(members, tensors, device),
            calibration=Calibration(**{k: tuple(v) for k, v in section["calibration"].items()}),
            simple=Simple.from_json(section["simple"]),
            pool=Pool.from_json(section["pool"]),
            tick=section["tick"],
            typical=Typical(**section["typical"]),
            climate=section["climate"],
            guard=Guard.restore(tensors),
        )
    except (KeyError, TypeError, RuntimeError) as error:
        raise ArtifactMismatch(f"This artifact does not fit the family {spec.name}.") from error
    return ForecastServer(spec, learnt)
