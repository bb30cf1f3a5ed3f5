"""What crosses the border of `ml`: frozen dataclasses, in and out.

A *quotes frame* is a pandas DataFrame indexed by aware UTC timestamps (sorted, unique) with float64
columns out of QUOTE_COLUMNS. A column that a market does not have is absent, not filled with zeros.
Prices are units of fiat per unit of asset, volumes units of asset, offers counts.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ml.errors import BadConfig

SIDE_COLUMNS = (
    "bid",
    "ask",
    "bid_vwap",
    "ask_vwap",
    "bid_volume",
    "ask_volume",
    "bid_offers",
    "ask_offers",
)
#: `price` is a price without a side (the close of a candle, a plain value); `volume` goes with it.
QUOTE_COLUMNS = (*SIDE_COLUMNS, "price", "volume")
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
HORIZONS = (1, 6, 24, 48)
DEFAULT_STEP_MINUTES = 30
STALE_MINUTES = 180


class Task(StrEnum):
    PRICE = "price"
    SPREAD = "spread"
    ANOMALY = "anomaly"
    PATTERN = "pattern"


class Source(StrEnum):
    """Who answered: the trained network, or the baseline it failed to beat."""

    NETWORK = "network"
    BASELINE = "baseline"


# ------------------------------------------------------------------------------- configuration
def param(default: Any, *, low: float | None = None, high: float | None = None, help: str) -> Any:
    """A hyper-parameter: its default, its closed range and one sentence of help."""
    return field(default=default, metadata={"low": low, "high": high, "help": help})


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Hyper-parameters that every family shares; a family's own config inherits and adds."""

    epochs: int = param(30, low=1, high=1000, help="Most passes over the training windows.")
    batch_size: int = param(256, low=8, high=8192, help="Windows per optimiser step.")
    learning_rate: float = param(2e-3, low=1e-6, high=1.0, help="Peak step size of AdamW.")
    weight_decay: float = param(1e-2, low=0.0, high=1.0, help="Decoupled weight decay of AdamW.")
    patience: int = param(5, low=1, high=1000, help="Epochs without gain before stopping.")
    grad_clip: float = param(1.0, low=1e-3, high=1e3, help="Largest norm of the gradient.")
    seed: int = param(0, low=0, high=2**31 - 1, help="Seed of every random choice.")


ConfigT = TypeVar("ConfigT", bound=TrainConfig)


def _coerce(name: str, kind: str, value: Any, problems: dict[str, str]) -> Any:
    wanted = {"int": int, "float": float, "bool": bool, "str": str}[kind]
    if isinstance(value, str) and wanted in (int, float):
        try:
            value = wanted(value)
        except ValueError:
            problems[name] = f"must be a number of type {kind}, not {value!r}"
            return value
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        problems[name] = f"must be of type {kind}, not {type(value).__name__}"
    elif wanted is float and not np.isfinite(value):
        problems[name] = "must be a finite number"
    return value


def make_config(cls: type[ConfigT], params: Mapping[str, Any]) -> ConfigT:
    """Build a config from loose values; raises BadConfig naming every key that is wrong."""
    known = {f.name: f for f in dataclasses.fields(cls)}
    problems = {
        k: f"unknown parameter; known are {', '.join(sorted(known))}"
        for k in params
        if k not in known
    }
    values: dict[str, Any] = {}
    for name, f in known.items():
        if name not in params:
            continue
        values[name] = value = _coerce(name, str(f.type), params[name], problems)
        low, high = f.metadata["low"], f.metadata["high"]
        if name not in problems and (
            (low is not None and value < low) or (high is not None and value > high)
        ):
            problems[name] = f"must be between {low:g} and {high:g}, not {value:g}"
    if problems:
        raise BadConfig("Some training parameters cannot be used.", problems)
    return cls(**values)


def describe_config(cls: type[TrainConfig]) -> list[dict[str, Any]]:
    """The parameter schema of a config, for the API, the commands and the documents."""
    return [
        {"name": f.name, "type": str(f.type), "default": f.default, **f.metadata}
        for f in dataclasses.fields(cls)
    ]


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model family. `pipeline` is the dotted path of the module that trains and serves its task
    (see ml.pipeline); `primary` is the metric by which versions are compared."""

    name: str
    task: Task
    title: str
    config: type[TrainConfig]
    build: Callable[..., Any]
    pipeline: str
    baseline: str
    primary: str
    higher_is_better: bool = False
    metrics: tuple[str, ...] = ()
    min_grid_rows: int = 1000  # what a request is checked against before it is queued

    def better(self, score: float, other: float) -> bool:
        return score > other if self.higher_is_better else score < other


# ------------------------------------------------------------------------------------- training
@dataclass(frozen=True, kw_only=True)
class Progress:
    """State of a training after an epoch (or on entering a stage). Times in seconds."""

    stage: str
    epoch: int = 0
    epochs: int = 0
    train_loss: float | None = None
    valid_loss: float | None = None
    eta_seconds: float | None = None


#: Called after every epoch and stage; answering False cancels the training.
ProgressCallback = Callable[[Progress], bool]


def ignore_progress(progress: Progress) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class TrainReport:
    """What a training did. The metrics are measured on the untouched last stretch of the data,
    for the network and, on the very same rows, for the baseline."""

    task: Task
    family: str
    folder: Path
    metrics: dict[str, float | None]
    baseline: str
    baseline_metrics: dict[str, float | None]
    primary: str
    score: float
    baseline_score: float
    beats_baseline: bool
    data_from: dt.datetime
    data_until: dt.datetime
    trained_until: dt.datetime
    test_from: dt.datetime
    quote_rows: int
    grid_rows: int
    step_minutes: int
    window: int
    input_columns: tuple[str, ...]
    dataset_hash: str
    seed: int
    versions: dict[str, str]
    device: str
    epochs_run: int
    best_epoch: int
    losses: tuple[tuple[float, float], ...]
    seconds: float
    checksum: str


@dataclass(frozen=True, kw_only=True)
class LabelledSpan:
    """What somebody said about a stretch of history, both ends included: a true anomaly, or a false
    alarm."""

    start: dt.datetime
    end: dt.datetime
    true: bool


# -------------------------------------------------------------------------------------- answers
@dataclass(frozen=True, kw_only=True)
class HorizonForecast:
    """One horizon. `value` and the quantiles are in the unit of the forecast."""

    steps: int
    minutes: int
    at: dt.datetime
    value: float
    quantiles: dict[str, float]  # "0.05" ... "0.95", ascending


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """A forecast of the price (fiat per asset) or of the spread (percent of mid). `novelty` says
    how far its input lies from the training data: 1 is as far as the strangest hundredth of the
    validation stretch did, from 1.25 on intervals widen; None where the baseline answers."""

    task: Task
    unit: str  # "price" or "spread_pct"
    as_of: dt.datetime
    stale: bool
    last_value: float
    horizons: tuple[HorizonForecast, ...]
    source: Source
    name: str
    notes: tuple[str, ...] = ()
    novelty: float | None = None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a feature should have been; values in the feature's own unit, None where unknown."""

    observed: float | None
    value: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A piece of a sentence: a template with named places, and the words or figures for them. Both
    come from closed sets, so that a reader's own language can be put in their place."""

    template: str
    values: dict[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Anomaly:
    """A strange row. Scores: 0.1 is the calibrated threshold, 0.2 is twice as strange."""

    timestamp: dt.datetime
    score: float
    severity: str  # low, medium, high, critical
    kind: str
    text: str
    expected: dict[str, Expected]
    contributions: dict[str, float]  # shares that sum to 1
    phrases: tuple[Phrase, ...] = ()  # what `text` is made of


@dataclass(frozen=True, kw_only=True)
class AnomalyScores:
    """One score per row in `timestamps` (None while warming up) and the strange ones."""

    timestamps: pd.DatetimeIndex
    scores: np.ndarray
    threshold: float
    anomalies: tuple[Anomaly, ...]
    warming_up: bool
    source: Source
    name: str


@dataclass(frozen=True, kw_only=True)
class Held:
    """The name that an aspect is held under (it changes only with a margin), and since when."""

    name: str
    since: dt.datetime


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """The regime recognised at one moment; `heads` holds one distribution per aspect, `held` the
    steadier name of each."""

    as_of: dt.datetime
    label: str
    probability: float
    clear: bool
    heads: dict[str, dict[str, float]]
    held: dict[str, Held] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Analogue:
    """A past moment that looked alike. `before` and `after` are the log mid of the day around it,
    relative to the moment itself, one value a grid row; `move` is the last of `after`."""

    as_of: dt.datetime
    distance: float
    before: tuple[float, ...]
    after: tuple[float, ...]
    move: float


@dataclass(frozen=True, kw_only=True)
class Analogues:
    """What followed the `count` most similar past windows of this market: quantiles of the log
    move over the next day, beside those after any window. Moves are scaled to today's usual day.
    `proven` says whether it beat a random choice of the same regime where it was measured: `gain`
    is the difference in CRPS there with its 95 % interval, below 0 is better."""

    nearest: tuple[Analogue, ...]
    count: int
    quantiles: dict[str, float]
    any_quantiles: dict[str, float]
    proven: bool
    gain: tuple[float, float, float] | None


@dataclass(frozen=True, kw_only=True)
class Patterns:
    current: Pattern
    history: tuple[Pattern, ...]
    source: Source
    name: str
    notes: tuple[str, ...] = ()
    analogues: Analogues | None = None
