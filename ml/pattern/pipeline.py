"""Fit and serve the pattern task (see ml.pipeline for the contract).

Chronological: 65 % train, 15 % validate (epoch and temperature), 20 % judge. Labels look ahead, so
the last rows before each border are left out: no label reaches over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ml.errors import NotEnoughData
from ml.families.cnn import CNNConfig, build
from ml.grid import build_grid
from ml.pattern.baseline import TrailingRule
from ml.pattern.features import make_channels
from ml.pattern.labels import CLASSES, HALF, QUICK, WARM_UP, heads_for, make_labels
from ml.pattern.measure import measure
from ml.pattern.recognizer import fit_temperatures, mirror_of, predict, train, windows_of
from ml.pattern.server import PatternServer, by_row, usable_rows
from ml.pipeline import FitContext, Fitted
from ml.spec import ModelSpec, Progress, TrainConfig

#: Grid rows (a month at half-hour steps) below which no regime repeats often enough to be learned.
LEAST_ROWS = 1500
TRAIN_SHARE, VALID_SHARE = 0.65, 0.15
#: Columns that a channel or a label is made of; the rest of the quotes is not asked for.
USED = ("bid", "ask", "price", "bid_volume", "ask_volume")
#: Rows left out before a border: at least as far as a centred label looks ahead.
EMBARGO = HALF + QUICK


def fit(spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext) -> Fitted:
    """Train on a quotes frame and measure on its untouched last stretch."""
    config = cast(CNNConfig, config)
    quotes = quotes[[c for c in quotes.columns if c in USED]]
    grid = build_grid(quotes, step_minutes=context.step_minutes)
    usable = usable_rows(grid, config.window, context.step_minutes)
    _refuse_short(len(grid), usable)
    names, channels = make_channels(grid)
    heads, truth = heads_for(grid), make_labels(grid, centred=True)
    learn, check, test, border = _split(usable)
    windows = windows_of(channels, config.window, context.device)
    mirror = mirror_of(names, context.device)
    torch.manual_seed(config.seed)
    network = build(config, len(names), {h: len(CLASSES[h]) for h in heads}).to(context.device)
    at = config.window - 1
    learn_at, check_at = np.flatnonzero(learn)[:: config.stride] - at, np.flatnonzero(check) - at
    loop = train(network, windows, truth, learn_at, check_at, mirror, config, context)
    context.on_progress(Progress(stage="measuring", epochs=config.epochs))
    temperatures = fit_temperatures(network, windows, truth, check_at, mirror, config.window)
    rule = TrailingRule.fit(grid, truth, learn)
    soft = by_row(predict(network, windows, np.flatnonzero(test) - at, mirror, temperatures), test)
    return Fitted(
        tensors=dict(network.state_dict()),
        section=_section(names, heads, temperatures, rule, config.window),
        metrics=measure(truth, soft, test),
        baseline_metrics=measure(truth, rule.probabilities(grid), test),
        trained_until=grid.index[border - 1].to_pydatetime(),
        test_from=grid.index[border].to_pydatetime(),
        grid_rows=len(grid),
        # What a caller must bring: the network's own window, and enough for the trailing scales.
        window=max(config.window, WARM_UP),
        input_columns=tuple(quotes.columns),
        epochs_run=loop.epochs_run,
        best_epoch=loop.best_epoch,
        losses=tuple(loop.losses),
    )


def _section(
    names: tuple[str, ...],
    heads: tuple[str, ...],
    temperatures: dict[str, float],
    rule: TrailingRule,
    window: int,
) -> dict[str, Any]:
    return {
        "window": window,
        "channels": list(names),
        "heads": list(heads),
        "temperatures": temperatures,
        "rule": rule.to_json(),
    }


def _refuse_short(rows: int, usable: np.ndarray) -> None:
    present = int(usable.sum())
    if rows < LEAST_ROWS or present < LEAST_ROWS - WARM_UP:
        raise NotEnoughData(
            f"A pattern recogniser needs {LEAST_ROWS} grid rows; {present} of {rows} are usable.",
            needed=LEAST_ROWS,
            present=present,
        )


def _split(usable: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Masks of the rows to learn from, to validate on and to judge on, and where the last begin."""
    n = len(usable)
    first, second = int(n * TRAIN_SHARE), int(n * (TRAIN_SHARE + VALID_SHARE))
    rows = np.arange(n)
    learn = usable & (rows < first - EMBARGO)
    check = usable & (rows >= first) & (rows < second - EMBARGO)
    test = usable & (rows >= second)
    if not (learn.any() and check.any() and test.any()):
        raise NotEnoughData(
            "Gaps leave no unbroken windows to train, to validate or to judge on.",
            needed=LEAST_ROWS,
            present=int(usable.sum()),
        )
    return learn, check, test, second


def load(
    manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
) -> PatternServer:
    return PatternServer(manifest, tensors, device)
