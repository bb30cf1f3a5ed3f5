"""DLModelTrainer: quotes and hyper-parameters in, a staged artifact and a TrainReport out."""

from __future__ import annotations

import importlib
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.artifact import save_artifact
from ml.audit import dataset_hash
from ml.cadence import infer_step_minutes
from ml.device import get_device, set_seeds
from ml.errors import Cancelled, NotEnoughData
from ml.grid import check_quotes
from ml.pipeline import FitContext, Fitted, Pipeline
from ml.redenomination import find_redenominations, notes_of, rescaled
from ml.registry import get_spec
from ml.spec import (
    LabelledSpan,
    ModelSpec,
    OtherMarket,
    Progress,
    ProgressCallback,
    TrainConfig,
    TrainReport,
    ignore_progress,
    make_config,
)
from ml.tasks import Task, TaskSpec


class DLModelTrainer:
    """Trains one network after another into `out_dir` (one folder per call: `<out_dir>/<family>`).

    `device` is a wish ("cpu", "cuda", ...); None finds the best by itself. `step_minutes` is the
    grid's step; None takes the market's own cadence. `on_progress` may cancel by answering False,
    which raises ml.Cancelled. `hold_out=False` (not for anomalies) keeps no test stretch back: for
    a backtest, whose test lies after the quotes. `labels` is what people said about anomalies
    (detectors only). `others` are quotes frames of other markets by name, the first ones first, for
    families that learn from several (`ModelSpec.panel`). Every method raises BadConfig, BadQuotes
    or NotEnoughData.
    """

    def __init__(
        self,
        out_dir: str | Path,
        *,
        device: str | None = None,
        step_minutes: int | None = None,
        on_progress: ProgressCallback = ignore_progress,
        hold_out: bool = True,
        labels: tuple[LabelledSpan, ...] = (),
        others: Mapping[str, pd.DataFrame] | None = None,
    ) -> None:
        self.out_dir = Path(out_dir)
        self.device = get_device(device)
        self.step_minutes = step_minutes
        self.on_progress = on_progress
        self.hold_out = hold_out
        self.labels = labels
        self.others = others or {}

    def train_price_predictor(
        self, quotes: pd.DataFrame, *, family: str | None = None, **params: Any
    ) -> TrainReport:
        """Learn the mid price of the next hours, in quantiles; see `train`."""
        return self.train(Task.PRICE, quotes, family=family, **params)

    def train_spread_predictor(
        self, quotes: pd.DataFrame, *, family: str | None = None, **params: Any
    ) -> TrainReport:
        """Learn the relative spread of the next hours, in quantiles; see `train`."""
        return self.train(Task.SPREAD, quotes, family=family, **params)

    def train_anomaly_detector(
        self, quotes: pd.DataFrame, *, family: str | None = None, **params: Any
    ) -> TrainReport:
        """Learn what quotes are usual; see `train`."""
        return self.train(Task.ANOMALY, quotes, family=family, **params)

    def train_pattern_recognizer(
        self, quotes: pd.DataFrame, *, family: str | None = None, **params: Any
    ) -> TrainReport:
        """Learn to name trend and volatility; see `train`."""
        return self.train(Task.PATTERN, quotes, family=family, **params)

    def train(
        self, name: str, quotes: pd.DataFrame, *, family: str | None = None, **params: Any
    ) -> TrainReport:
        """Train `family` (the default one unless given) of the task `name` on a quotes frame; or
        the family `name`, where only one task has it. `params` are its config's."""
        spec = get_spec(name, family)
        config = make_config(spec.config, params)
        quotes = check_quotes(quotes)
        others = {k: check_quotes(v) for k, v in self.others.items()} if spec.panel else {}
        step = self.step_minutes or infer_step_minutes(quotes.index)
        folder = self.out_dir / spec.name
        folder.mkdir(parents=True, exist_ok=True)
        set_seeds(config.seed)
        started = time.perf_counter()
        if self.on_progress(Progress(stage="preparing", epochs=config.epochs)) is False:
            raise Cancelled("The training was cancelled.")
        context = FitContext(
            device=self.device,
            workdir=folder,
            step_minutes=step,
            on_progress=self.on_progress,
            hold_out=self.hold_out,
            labels=self.labels,
            others=others,
        )
        pipeline: Pipeline = importlib.import_module(spec.of_task.pipeline)
        breaks = find_redenominations(quotes)
        fitted = pipeline.fit(spec, config, rescaled(quotes, breaks), context)
        return _write(
            spec,
            config,
            quotes,
            context,
            fitted,
            seconds=time.perf_counter() - started,
            notes=notes_of(breaks),
        )


def _versions() -> dict[str, str]:
    import torch

    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }


def _write(
    spec: ModelSpec,
    config: TrainConfig,
    quotes: pd.DataFrame,
    context: FitContext,
    fitted: Fitted,
    *,
    seconds: float,
    notes: tuple[str, ...],
) -> TrainReport:
    task = spec.of_task
    score, against = _scores(task, fitted)
    facts = _facts(spec, config, quotes, context, fitted)
    others = _others(context, fitted) if spec.panel else None
    manifest = {
        **facts,
        **{k: v.isoformat() for k, v in facts.items() if hasattr(v, "isoformat")},
        "pipeline": task.pipeline,
        "config": vars(config),
        "section": fitted.section,
        **({"notes": list(notes)} if notes else {}),
        **({"others": [one.as_json() for one in others]} if others is not None else {}),
    }
    checksum = save_artifact(context.workdir, manifest, fitted.tensors, fitted.graph)
    context.checkpoint.unlink(missing_ok=True)
    return TrainReport(
        **facts,
        folder=context.workdir,
        score=score,
        baseline_score=against,
        beats_baseline=task.better(score, against),
        losses=fitted.losses,
        seconds=seconds,
        checksum=checksum,
        notes=notes,
        others=others,
    )


def _others(context: FitContext, fitted: Fitted) -> tuple[OtherMarket, ...]:
    """What became of the other markets that the training was given."""
    return tuple(
        OtherMarket(
            market=name,
            windows=fitted.windows.get(number, 0),
            quote_rows=len(quotes),
            data_until=quotes.index[-1].to_pydatetime(),
            dataset_hash=dataset_hash(quotes),
        )
        for number, (name, quotes) in enumerate(context.others.items(), 1)
    )


def _scores(task: TaskSpec, fitted: Fitted) -> tuple[float, float]:
    """By what versions are compared: of the network, and of the baseline."""
    score, against = fitted.metrics[task.primary], fitted.baseline_metrics[task.primary]
    if score is None or against is None:
        raise NotEnoughData(
            f"The last stretch, from {fitted.test_from:%Y-%m-%d} on, holds nothing that a "
            f"{task.task} model could be measured on.",
            needed=task.min_grid_rows,
            present=fitted.grid_rows,
        )
    return score, against


def _facts(
    spec: ModelSpec,
    config: TrainConfig,
    quotes: pd.DataFrame,
    context: FitContext,
    fitted: Fitted,
) -> dict[str, Any]:
    """What the report and the manifest both say, under the same names."""
    task = spec.of_task
    return {
        "task": spec.task,
        "family": spec.name,
        "metrics": fitted.metrics,
        "baseline": task.baseline,
        "baseline_metrics": fitted.baseline_metrics,
        "primary": task.primary,
        "data_from": quotes.index[0].to_pydatetime(),
        "data_until": quotes.index[-1].to_pydatetime(),
        "trained_until": fitted.trained_until,
        "test_from": fitted.test_from,
        "quote_rows": len(quotes),
        "grid_rows": fitted.grid_rows,
        "step_minutes": context.step_minutes,
        "window": fitted.window,
        "input_columns": fitted.input_columns,
        "dataset_hash": dataset_hash(quotes, context.others),
        "seed": config.seed,
        "versions": _versions(),
        "device": str(context.device),
        "epochs_run": fitted.epochs_run,
        "best_epoch": fitted.best_epoch,
    }
