"""Training and serving of forecasts (the contract of ml.pipeline), for price and spread alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from ml.errors import ArtifactMismatch, NotEnoughData
from ml.forecast.baseline import residual_climate
from ml.forecast.calibration import Calibration, fit_calibration
from ml.forecast.dataset import Samples
from ml.forecast.ensemble import Ensemble, StaticScaler, member_quantiles
from ml.forecast.features import FeatureMaker, Typical
from ml.forecast.metrics import crps
from ml.forecast.nets import Sizes, hurdle_loss
from ml.forecast.series import make_series
from ml.forecast.server import ForecastServer, Learnt
from ml.forecast.summaries import N_PATHS
from ml.forecast.targets import Split, Target, clean_mask, split_rows
from ml.grid import build_grid
from ml.loop import LoopResult, fit_network
from ml.pipeline import FitContext, Fitted
from ml.registry import get_spec
from ml.spec import HORIZONS, ModelSpec, Source, Task, TrainConfig, make_config

LEAST_SAMPLES = 300
LEAST_EPOCHS = 3
LEAST_STEPS = 50


def fit(spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext) -> Fitted:
    """Choose the number of epochs and the calibration on the validation stretch, train once more
    on everything before the test stretch, and measure there."""
    columns = Target(spec.task).price_columns(tuple(quotes.columns))
    grid = build_grid(quotes[list(columns)], step_minutes=context.step_minutes)
    series = make_series(grid, Target(spec.task), context.step_minutes)
    window = config.window  # type: ignore[attr-defined]
    split = split_rows(len(series), window=window, per_day=series.per_day)
    if not context.hold_out:
        split = _without_test(split, len(series))
    maker = FeatureMaker(series, window, fitted_on=split.train)
    ensemble, calibration, runs = _train(spec, config, context, maker, split)
    learnt = Learnt(
        window=window,
        step_minutes=context.step_minutes,
        columns=columns,
        ensemble=ensemble,
        calibration=calibration,
        typical=maker.typical,
        climate=residual_climate(series.y[: split.valid.stop]),
    )
    server = ForecastServer(spec, learnt)
    rows = np.arange(split.test.start, split.test.stop)
    return Fitted(
        tensors=ensemble.tensors(),
        section=_section(learnt, ensemble_sizes(maker, ensemble.scaler)),
        metrics=server.measure(series, rows, Source.NETWORK),
        baseline_metrics=server.measure(series, rows, Source.BASELINE),
        trained_until=series.index[split.valid.stop + max(HORIZONS)].to_pydatetime(),
        test_from=series.index[split.test.start].to_pydatetime(),
        grid_rows=len(series),
        window=window,
        input_columns=columns,
        epochs_run=runs[0].epochs_run,
        best_epoch=runs[0].best_epoch,
        losses=tuple(runs[0].losses),
    )


def _without_test(split: Split, rows: int) -> Split:
    """The split that learns up to the end, and measures itself where it validates."""
    stop = rows - 1 - max(HORIZONS)
    valid = range(stop - len(split.valid), stop)
    return Split(range(split.train.start, valid.start - split.embargo), valid, valid, split.embargo)


def _section(learnt: Learnt, sizes: Sizes) -> dict[str, Any]:
    """What `load` needs beside the tensors, as plain JSON."""
    return {
        "columns": list(learnt.columns),
        "sizes": asdict(sizes),
        "typical": asdict(learnt.typical),
        "calibration": {k: list(v) for k, v in asdict(learnt.calibration).items()},
        "climate": learnt.climate,
    }


def load(
    manifest: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], device: torch.device
) -> ForecastServer:
    spec = get_spec(manifest["family"])
    config = make_config(spec.config, manifest["config"])
    try:
        section = manifest["section"]
        sizes = Sizes(**section["sizes"])
        count = config.members  # type: ignore[attr-defined]
        members = [spec.build(config, sizes) for _ in range(count)]
        learnt = Learnt(
            window=manifest["window"],
            step_minutes=manifest["step_minutes"],
            columns=tuple(section["columns"]),
            ensemble=Ensemble.restore(members, tensors, device),
            calibration=Calibration(**{k: tuple(v) for k, v in section["calibration"].items()}),
            typical=Typical(**section["typical"]),
            climate=section["climate"],
        )
    except (KeyError, TypeError, RuntimeError) as error:
        raise ArtifactMismatch(f"This artifact does not fit the family {spec.name}.") from error
    return ForecastServer(spec, learnt)


def ensemble_sizes(maker: FeatureMaker, scaler: StaticScaler) -> Sizes:
    return Sizes(
        channels=maker.n_channels,
        static=len(scaler.centre),
        paths=N_PATHS,
        horizons=len(HORIZONS),
    )


def _train(
    spec: ModelSpec, config: TrainConfig, context: FitContext, maker: FeatureMaker, split: Split
) -> tuple[Ensemble, Calibration, list[LoopResult]]:
    train, valid, everything = (
        _samples(maker, spec, rows)
        for rows in (split.train, split.valid, range(split.train.start, split.valid.stop))
    )
    _refuse_few(len(train))
    scaler = StaticScaler.fit(train.static, maker.odd_static)
    for samples in (train, valid, everything):
        samples.prepare(scaler, context.device)
    sizes = ensemble_sizes(maker, scaler)
    count = config.members  # type: ignore[attr-defined]
    configs = [replace(config, seed=config.seed + k) for k in range(count)]
    chosen = [_member(spec, c, sizes, train, valid, context, "selection") for c in configs]
    inputs = maker.inputs(valid.rows)
    quantiles = Ensemble([m for m, _ in chosen], scaler, context.device).quantiles(inputs)
    moves = valid.change / inputs.scale[:, None]
    calibration = fit_calibration(quantiles, moves, inputs.scale)
    final = []
    for c, (_, run) in zip(configs, chosen, strict=True):
        short = replace(c, epochs=max(min(LEAST_EPOCHS, c.epochs), run.best_epoch))
        final.append(_member(spec, short, sizes, everything, valid, context, "training")[0])
    return Ensemble(final, scaler, context.device), calibration, [run for _, run in chosen]


def _samples(maker: FeatureMaker, spec: ModelSpec, rows: range) -> Samples:
    """The usable origins of a stretch, with targets cleaned by rows of before the test only."""
    end = rows.stop + max(HORIZONS)
    y = maker.series.y[:end]
    clean = clean_mask(y, spec.task, min(maker.window, maker.series.per_day // 2 or 1))
    origins = np.arange(rows.start, rows.stop)
    targets = np.where(clean, y, np.nan)
    return Samples(maker, origins[maker.usable(origins)], targets, mirror=spec.task is Task.PRICE)


def _refuse_few(samples: int) -> None:
    if samples < LEAST_SAMPLES:
        raise NotEnoughData(
            f"Only {samples} windows without a gap are left to learn from; {LEAST_SAMPLES} are "
            "needed.",
            needed=LEAST_SAMPLES,
            present=samples,
        )


def _member(
    spec: ModelSpec,
    config: TrainConfig,
    sizes: Sizes,
    train: Samples,
    valid: Samples,
    context: FitContext,
    stage: str,
) -> tuple[torch.nn.Module, LoopResult]:
    """One network, trained from its own seed. An epoch has at least LEAST_STEPS steps: a short
    series is passed several times, each time mirrored and blinded differently."""
    repeats = math.ceil(LEAST_STEPS * config.batch_size / len(train))
    torch.manual_seed(config.seed)
    network = spec.build(config, sizes).to(context.device)
    network.head.start_from(*train.climate())
    rng = np.random.default_rng(config.seed)
    seen, _ = valid.batch(np.arange(len(valid)), None)
    truth, scale = valid.moves(), valid.scale[:, None]
    known = np.isfinite(truth)
    share = 1 / np.maximum(np.nanmean(np.abs(truth) * scale, axis=0), 1e-9)

    def batch_loss(numbers: torch.Tensor) -> torch.Tensor:
        inputs, (moves, changed, weight) = train.batch(numbers.numpy() % len(train), rng)
        return hurdle_loss(*network(*inputs), moves, changed, weight)

    def valid_loss() -> float:
        scores = crps(member_quantiles(network, seen), np.nan_to_num(truth)) * scale * share
        return float(scores[known].mean())

    run = fit_network(
        network,
        n_samples=len(train) * repeats,
        batch_loss=batch_loss,
        valid_loss=valid_loss,
        config=config,
        checkpoint=context.workdir / "checkpoint.safetensors",
        on_progress=context.on_progress,
        stage=stage,
    )
    return network, run
