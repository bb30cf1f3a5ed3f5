"""Fit and serve the pattern task (see ml.pipeline for the contract).

Chronological: 65 % train, 15 % validate (epoch and temperature), 20 % judge. Labels look ahead, so
the last rows before each border are left out: no label reaches over it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ml.errors import ArtifactMismatch, NotEnoughData
from ml.families.cnn import CNNConfig, build
from ml.grid import build_grid
from ml.pattern.baseline import TrailingRule
from ml.pattern.features import make_channels, whole_windows
from ml.pattern.labels import CLASSES, HALF, MONTH, QUICK, WARM_UP, heads_for, make_labels
from ml.pattern.measure import measure
from ml.pattern.naming import to_pattern
from ml.pattern.recognizer import fit_temperatures, mirror_of, predict, train, windows_of
from ml.pipeline import FitContext, Fitted
from ml.spec import STALE_MINUTES, ModelSpec, Patterns, Progress, Source, TrainConfig

#: Grid rows (a month at half-hour steps) below which no regime repeats often enough to be learned.
LEAST_ROWS = 1500
TRAIN_SHARE, VALID_SHARE = 0.65, 0.15
#: Rows left out before a border: at least as far as a centred label looks ahead.
EMBARGO = HALF + QUICK
#: Rows before a row that its channels depend on: a month's MAD around a month's median, a week.
CONTEXT = 2 * MONTH + WARM_UP


def _prepare(
    quotes: pd.DataFrame, *, step_minutes: int, end: pd.Timestamp | None = None
) -> pd.DataFrame:
    return build_grid(quotes, step_minutes=step_minutes, end=end)


def fit(
    spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext
) -> Fitted:
    """Train on a quotes frame and measure on its untouched last stretch."""
    config = cast(CNNConfig, config)
    grid = _prepare(quotes, step_minutes=context.step_minutes)
    n, heads = len(grid), heads_for(grid)
    usable = _usable(grid, config.window, context.step_minutes)
    if usable.sum() < LEAST_ROWS - WARM_UP or n < LEAST_ROWS:
        raise NotEnoughData(
            f"A pattern recogniser needs {LEAST_ROWS} grid rows; {int(usable.sum())} of {n} are usable.",
            needed=LEAST_ROWS,
            present=int(usable.sum()),
        )
    names, channels = make_channels(grid)
    truth = make_labels(grid, centred=True)
    borders = int(n * TRAIN_SHARE), int(n * (TRAIN_SHARE + VALID_SHARE))
    rows = np.arange(n)
    learn = usable & (rows < borders[0] - EMBARGO)
    check = usable & (rows >= borders[0]) & (rows < borders[1] - EMBARGO)
    windows = windows_of(channels, config.window, context.device)
    mirror = mirror_of(names, context.device)
    torch.manual_seed(config.seed)
    network = build(config, len(names), {h: len(CLASSES[h]) for h in heads}).to(context.device)
    at = config.window - 1
    learn_at, check_at = np.flatnonzero(learn)[:: config.stride] - at, np.flatnonzero(check) - at
    if not len(learn_at) or not len(check_at):
        raise NotEnoughData(
            "Gaps leave no unbroken windows to train or to validate on.",
            needed=LEAST_ROWS,
            present=int(usable.sum()),
        )
    loop = train(network, windows, truth, learn_at, check_at, mirror, config, context)
    context.on_progress(Progress(stage="measuring", epochs=config.epochs))
    temperatures = fit_temperatures(network, windows, truth, check_at, mirror, config.window)
    rule = TrailingRule.fit(grid, truth, learn)
    test = usable & (rows >= borders[1])
    soft = _by_row(predict(network, windows, np.flatnonzero(test) - at, mirror, temperatures), test)
    return Fitted(
        tensors=dict(network.state_dict()),
        section={
            "channels": list(names),
            "heads": list(heads),
            "temperatures": temperatures,
            "rule": rule.to_json(),
        },
        metrics=measure(truth, soft, test),
        baseline_metrics=measure(truth, rule.probabilities(grid), test),
        trained_until=grid.index[borders[1] - 1].to_pydatetime(),
        test_from=grid.index[borders[1]].to_pydatetime(),
        grid_rows=n,
        window=config.window,
        input_columns=tuple(quotes.columns),
        epochs_run=loop.epochs_run,
        best_epoch=loop.best_epoch,
        losses=tuple(loop.losses),
    )


def _usable(grid: pd.DataFrame, window: int, step_minutes: int) -> np.ndarray:
    """(rows,) mask: an unbroken window behind and enough history for the trailing scales."""
    usable = whole_windows(grid, window, step_minutes=step_minutes)
    usable[:WARM_UP] = False
    return usable


def _by_row(tables: dict[str, np.ndarray], mask: np.ndarray) -> dict[str, np.ndarray]:
    """Spread the tables of the masked rows over all rows, equal probabilities elsewhere."""
    out = {}
    for head, table in tables.items():
        full = np.full((len(mask), table.shape[1]), 1 / table.shape[1])
        full[mask] = table
        out[head] = full
    return out


class PatternServer:
    """Answers of a trained pattern recogniser; nothing is written after loading."""

    def __init__(
        self, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
    ) -> None:
        section, config = manifest["section"], CNNConfig(**manifest["config"])
        self.name, self.baseline = manifest["family"], manifest["baseline"]
        self.step, self.window = int(manifest["step_minutes"]), int(manifest["window"])
        self.columns, self.device = tuple(manifest["input_columns"]), device
        self.temperatures: dict[str, float] = {h: section["temperatures"][h] for h in section["heads"]}
        self.rule = TrailingRule.from_json(section["rule"])
        classes = {h: len(CLASSES[h]) for h in section["heads"]}
        self.network = build(config, len(section["channels"]), classes)
        self.network.load_state_dict(dict(tensors))
        self.network.to(device).eval()

    def _grid(
        self, quotes: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp
    ) -> pd.DataFrame:
        """The grid up to `end` with the rows before `start` that its channels depend on."""
        missing = [c for c in self.columns if c not in quotes.columns]
        if missing:
            raise ArtifactMismatch(
                "These quotes lack columns that the model was trained on.",
                {"columns": ", ".join(missing)},
            )
        back = pd.Timedelta(minutes=CONTEXT * self.step + max(STALE_MINUTES, 6 * self.step))
        quotes = quotes.loc[start - back : end, list(self.columns)]
        grid = _prepare(quotes, step_minutes=self.step, end=end)
        if len(grid) < WARM_UP:
            raise NotEnoughData(
                f"Naming a pattern needs {WARM_UP} grid rows; there are {len(grid)}.",
                needed=WARM_UP,
                present=len(grid),
            )
        return grid

    def _probabilities(
        self, grid: pd.DataFrame, wanted: np.ndarray, source: Source
    ) -> dict[str, np.ndarray]:
        """Head -> (rows, classes); meaningful on the rows of the mask `wanted`."""
        if source is Source.BASELINE or source == Source.BASELINE:
            return self.rule.probabilities(grid)
        names, channels = make_channels(grid)
        windows = windows_of(channels, self.window, self.device)
        starts = np.flatnonzero(wanted) - self.window + 1
        mirror = mirror_of(names, self.device)
        return _by_row(predict(self.network, windows, starts, mirror, self.temperatures), wanted)

    def recognize(
        self, quotes: pd.DataFrame, *, at: dt.datetime, history: int, source: Source
    ) -> Patterns:
        """The regime at the last grid row at or before `at`, and the `history` rows before it."""
        end = pd.Timestamp(at)
        start = end - pd.Timedelta(minutes=history * self.step)
        grid = self._grid(quotes, start, end)
        rows = np.arange(len(grid))
        wanted = (rows >= len(grid) - 1 - history) & (rows >= WARM_UP - 1)
        whole = whole_windows(grid, self.window, step_minutes=self.step)
        tables = self._probabilities(grid, wanted, source)
        named = [
            to_pattern(grid.index[r].to_pydatetime(), {h: t[r] for h, t in tables.items()})
            for r in np.flatnonzero(wanted)
        ]
        notes = []
        if len(grid) < MONTH:
            notes.append(f"short history: the trailing scales rest on {len(grid)} of {MONTH} rows")
        if not whole[-1]:
            notes.append("there is a gap in the quotes within the last window")
        if not named[-1].clear:
            notes.append("no clear pattern")
        return Patterns(
            current=named[-1],
            history=tuple(named[:-1]),
            source=source,
            name=self.baseline if source == Source.BASELINE else self.name,
            notes=tuple(notes),
        )

    def evaluate(
        self, quotes: pd.DataFrame, *, start: dt.datetime, end: dt.datetime, source: Source
    ) -> dict[str, float | None]:
        """The metrics of the training, on another stretch; labels end where the quotes end."""
        first, last = pd.Timestamp(start), pd.Timestamp(end)
        grid = self._grid(quotes, first, last)
        usable = _usable(grid, self.window, self.step) & np.asarray(grid.index >= first)
        return measure(
            make_labels(grid, centred=True), self._probabilities(grid, usable, source), usable
        )


def load(
    manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
) -> PatternServer:
    return PatternServer(manifest, tensors, device)
