"""Fit the pattern task (see ml.pipeline for the contract).

Chronological: 80 % learn (in folds, see ml.pattern.training), 20 % judge. Labels look ahead, so the
last rows before the border are left out: no label reaches over it.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd

from ml.configs import PatternConfig
from ml.errors import NotEnoughData
from ml.grid import build_grid
from ml.networks.inference import graph_of
from ml.networks.pattern import Together
from ml.networks.weights import weights_of
from ml.pattern.analogues import STRIDE, Library, Scaler
from ml.pattern.baseline import TrailingRule
from ml.pattern.course import DAY, WARM_UP
from ml.pattern.features import usable_rows
from ml.pattern.measure import measure_all
from ml.pattern.proof import prove
from ml.pattern.recognizer import at_temperatures, by_row, fit_temperatures
from ml.pattern.server import USED
from ml.pattern.training import EMBARGO, TrainedNetworks, TrainingGrid, raw_points, train
from ml.pipeline import FitContext, Fitted
from ml.spec import ModelSpec, Progress, Source, TrainConfig

#: Grid rows (a month at half-hour steps) below which no regime repeats often enough to be learned.
LEAST_ROWS = 1500
LEARN_SHARE = 0.8


def fit(spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext) -> Fitted:
    """Train on a quotes frame and measure on its untouched last stretch; without `hold_out`, learn
    from all of it and measure by the folds. Raises NotEnoughData, Cancelled, TrainingDiverged."""
    config, step = cast(PatternConfig, config), context.step_minutes
    quotes = quotes[[c for c in quotes.columns if c in USED]]
    grid = build_grid(quotes, step_minutes=step)
    usable = usable_rows(grid, config.window, step)
    _refuse_short(len(grid), usable)
    learn, test, border = _split(usable, hold_out=context.hold_out)
    data = TrainingGrid.of(grid, config.window, context.device)
    learn &= data.labels["movement"] >= 0
    trained = train(data, learn, spec, config, context)
    context.on_progress(Progress(stage="measuring", epochs=config.epochs))
    degrees = fit_temperatures(
        trained.held_out, {h: v[trained.judged] for h, v in data.labels.items()}
    )
    rule = TrailingRule.fit(grid, data.labels, learn)
    plain = rule.probabilities(grid)
    scaler, library = _library(grid, data, usable, learn, trained)
    gain, rows = None, learn
    if context.hold_out:
        gain, rows = prove(library, int(grid.index[border].timestamp()), DAY * step * 60), test
    answers = _answers(data, trained, degrees, test if context.hold_out else None)
    return Fitted(
        tensors=weights_of(trained.networks, "{}.") | scaler.to_tensors() | library.to_tensors(),
        graph=_graph(data, trained, config.window),
        section=_section(data, trained, degrees, rule, config.window),
        metrics=measure_all(data.labels, by_row(answers, rows), rows, Source.NETWORK, step, gain),
        baseline_metrics=measure_all(data.labels, plain, rows, Source.BASELINE, step),
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


def _answers(
    data: TrainingGrid,
    trained: TrainedNetworks,
    temperatures: dict[str, float],
    test: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Head -> (rows, classes): of the rows of the mask `test`; without one of those learned from,
    each by the network that had not seen it."""
    if test is None:
        return at_temperatures(trained.held_out, temperatures)
    return data.probabilities(trained.networks, np.flatnonzero(test), temperatures)


def _section(
    data: TrainingGrid,
    trained: TrainedNetworks,
    temperatures: dict[str, float],
    rule: TrailingRule,
    window: int,
) -> dict[str, Any]:
    """What PatternRecognizer reads, beside the tensors."""
    return {
        "window": window,
        "channels": list(data.names),
        "heads": list(data.labels),
        "figures": data.statistics.shape[1],
        "networks": len(trained.networks),
        "temperatures": temperatures,
        "rule": rule.to_json(),
    }


def _library(
    grid: pd.DataFrame,
    data: TrainingGrid,
    usable: np.ndarray,
    learn: np.ndarray,
    trained: TrainedNetworks,
) -> tuple[Scaler, Library]:
    """Usable rows of the whole grid; the scaler knows the learned ones only."""
    rows = np.flatnonzero(usable)[::STRIDE]
    raw = raw_points(trained.networks, data.windows, data.channels, rows)
    parts = (sum(n.embedding_size for n in trained.networks), data.channels.shape[1])
    scaler = Scaler.fit(raw[learn[rows]], parts)
    return scaler, Library.of(grid, rows, scaler(raw))


def _graph(data: TrainingGrid, trained: TrainedNetworks, window: int) -> bytes | None:
    """Of all networks together."""
    together = Together(trained.networks, data.mirror, tuple(data.labels))
    return graph_of(together, [(window, len(data.names))])


def _refuse_short(rows: int, usable: np.ndarray) -> None:
    present = int(usable.sum())
    if rows < LEAST_ROWS or present < LEAST_ROWS - WARM_UP:
        raise NotEnoughData(
            f"A pattern recogniser needs {LEAST_ROWS} grid rows; {present} of {rows} are usable.",
            needed=LEAST_ROWS,
            present=present,
        )


def _border(usable: np.ndarray) -> int:
    """Where what is judged on begins: at a share of the grid, or of its usable rows where a long
    gap leaves far more or fewer of them behind that."""
    border, rows = int(len(usable) * LEARN_SHARE), np.flatnonzero(usable)
    behind = 1 - LEARN_SHARE
    if len(rows) and not behind / 2 <= (rows >= border).mean() <= behind * 3 / 2:
        border = int(rows[int(len(rows) * LEARN_SHARE)])
    return border


def _split(usable: np.ndarray, *, hold_out: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """Masks of the rows to learn from and to judge on, and where the last begin."""
    n = len(usable)
    border = _border(usable) if hold_out else n
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
