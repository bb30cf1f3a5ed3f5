"""Fit and serve the pattern task (see ml.pipeline for the contract).

Chronological: 80 % learn (in folds, see ml.pattern.training), 20 % judge. Labels look ahead, so the
last rows before the border are left out: no label reaches over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ml.errors import NotEnoughData
from ml.grid import build_grid
from ml.pattern.analogues import STRIDE, Library, Scaler, raw_points
from ml.pattern.baseline import TrailingRule
from ml.pattern.holding import HOLDINGS
from ml.pattern.labels import DAY, WARM_UP
from ml.pattern.measure import measure, measure_held
from ml.pattern.nets import PatternConfig
from ml.pattern.proof import as_metrics, prove
from ml.pattern.server import PatternServer, by_row, usable_rows
from ml.pattern.temperature import fit_temperatures, warmed
from ml.pattern.training import EMBARGO, Sample, Trained, train
from ml.pipeline import FitContext, Fitted
from ml.spec import ModelSpec, Progress, TrainConfig

#: Grid rows (a month at half-hour steps) below which no regime repeats often enough to be learned.
LEAST_ROWS = 1500
LEARN_SHARE = 0.8
#: Columns that a channel or a label is made of; the rest of the quotes is not asked for.
USED = ("bid", "ask", "price", "bid_volume", "ask_volume")


def fit(spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext) -> Fitted:
    """Train on a quotes frame and measure on its untouched last stretch; without `hold_out`, learn
    from all of it and measure by the folds."""
    config = cast(PatternConfig, config)
    quotes = quotes[[c for c in quotes.columns if c in USED]]
    grid = build_grid(quotes, step_minutes=context.step_minutes)
    usable = usable_rows(grid, config.window, context.step_minutes)
    _refuse_short(len(grid), usable)
    learn, test, border = _split(usable, hold_out=context.hold_out)
    sample = Sample.of(grid, config.window, context.device)
    learn &= sample.labels["movement"] >= 0
    trained = train(sample, learn, spec, config, context)
    context.on_progress(Progress(stage="measuring", epochs=config.epochs))
    judged = {h: v[trained.judged] for h, v in sample.labels.items()}
    temperatures = fit_temperatures(trained.held_out, judged)
    rule = TrailingRule.fit(grid, sample.labels, learn)
    answers = warmed(trained.held_out, temperatures)
    if context.hold_out:
        answers = sample.probabilities(trained.networks, np.flatnonzero(test), temperatures)
    else:
        test = learn
    soft = by_row(answers, test)
    held = {h: HOLDINGS[h].hold(soft[h]) for h in soft}
    plain = rule.probabilities(grid)
    loud = {h: t.argmax(1) for h, t in plain.items()}
    scaler, library = _library(grid, sample, usable, learn, trained)
    day = DAY * context.step_minutes * 60
    gain = prove(library, int(grid.index[border].timestamp()), day) if context.hold_out else None
    return Fitted(
        tensors={**_tensors(trained), **scaler.to_tensors(), **library.to_tensors()},
        section={
            "window": config.window,
            "channels": list(sample.names),
            "heads": list(sample.labels),
            "figures": sample.statistics.shape[1],
            "networks": len(trained.networks),
            "temperatures": temperatures,
            "rule": rule.to_json(),
        },
        metrics={
            **measure(sample.labels, soft, test),
            **measure_held(sample.labels, held, test, context.step_minutes),
            **as_metrics(gain),
        },
        baseline_metrics={
            **measure(sample.labels, plain, test),
            **measure_held(sample.labels, loud, test, context.step_minutes),
            **as_metrics(None),
        },
        trained_until=grid.index[border - 1].to_pydatetime(),
        test_from=grid.index[min(border, len(grid) - 1)].to_pydatetime(),
        grid_rows=len(grid),
        # What a caller must bring: the network's own window, and enough for the trailing scales.
        window=max(config.window, WARM_UP),
        input_columns=tuple(quotes.columns),
        epochs_run=max(run.epochs_run for run in trained.runs),
        best_epoch=max(run.best_epoch for run in trained.runs),
        losses=tuple(trained.runs[0].losses),
    )


def _library(
    grid: pd.DataFrame, sample: Sample, usable: np.ndarray, learn: np.ndarray, trained: Trained
) -> tuple[Scaler, Library]:
    """Usable rows of the whole grid; the scaler knows the learned ones only."""
    rows = np.flatnonzero(usable)[::STRIDE]
    raw = raw_points(trained.networks, sample.windows, sample.channels, rows)
    parts = (sum(n.embedding_size for n in trained.networks), sample.channels.shape[1])
    scaler = Scaler.fit(raw[learn[rows]], parts)
    return scaler, Library.of(grid, rows, scaler(raw))


def _tensors(trained: Trained) -> dict[str, Tensor]:
    return {
        f"{number}.{name}": tensor
        for number, network in enumerate(trained.networks)
        for name, tensor in network.state_dict().items()
    }


def _refuse_short(rows: int, usable: np.ndarray) -> None:
    present = int(usable.sum())
    if rows < LEAST_ROWS or present < LEAST_ROWS - WARM_UP:
        raise NotEnoughData(
            f"A pattern recogniser needs {LEAST_ROWS} grid rows; {present} of {rows} are usable.",
            needed=LEAST_ROWS,
            present=present,
        )


def _split(usable: np.ndarray, *, hold_out: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """Masks of the rows to learn from and to judge on, and where the last begin."""
    n = len(usable)
    border = int(n * LEARN_SHARE) if hold_out else n
    rows = np.arange(n)
    learn = usable & (rows < border - EMBARGO)
    test = usable & (rows >= border)
    if not learn.any() or (hold_out and not test.any()):
        raise NotEnoughData(
            "Gaps leave no unbroken windows to train or to judge on.",
            needed=LEAST_ROWS,
            present=int(usable.sum()),
        )
    return learn, test, border


def load(
    manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
) -> PatternServer:
    return PatternServer(manifest, tensors, device)
