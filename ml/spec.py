"""What goes into `ml` and what a training reports: frozen dataclasses. Answers: `ml.results`.

A *quotes frame* is a pandas DataFrame indexed by aware UTC timestamps (sorted, unique) with float64
columns out of `ml.quotes.QUOTE_SCHEMA`, which says what they are and in which unit. A column that a
market does not have is absent, not filled with zeros.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from ml.errors import BadConfig
from ml.tasks import TASKS, Task, TaskSpec

DEFAULT_STEP_MINUTES = 30


class Source(StrEnum):
    """Who answered: the trained network, or the baseline it failed to beat."""

    NETWORK = "network"
    BASELINE = "baseline"


# ------------------------------------------------------------------------------- configuration
def param(
    default: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    multiple: int | None = None,
    tries: tuple[float, float] | None = None,
    help: str,
) -> Any:
    """A hyper-parameter: its default, its closed range and one sentence of help; `multiple` where
    only whole multiples of a number will do; `tries` is the narrower range in which a tuning looks
    where nobody names one (see ml.evaluation.search), without it the parameter is left alone."""
    metadata = {"low": low, "high": high, "help": help, "tries": tries}
    return field(default=default, metadata=metadata | ({"multiple": multiple} if multiple else {}))


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
    elif isinstance(value, float) and not math.isfinite(value):
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
        multiple = f.metadata.get("multiple")
        if name not in problems and multiple and value % multiple:
            problems[name] = f"must be a multiple of {multiple}, not {value}"
    if problems:
        raise BadConfig("Some training parameters cannot be used.", problems)
    return cls(**values)


def describe_config(cls: type[TrainConfig]) -> list[dict[str, Any]]:
    """The parameter schema of a config, for the API, the commands and the documents."""
    return [
        {"name": f.name, "type": str(f.type), "default": f.default, **_told(f.metadata)}
        for f in dataclasses.fields(cls)
    ]


def _told(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if name != "tries"}


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model family of a task: what a file in ml/families registers.

    `build` makes an untrained network of `config`; its further arguments and what the network must
    be able to do are the task's (see `ForecastNetwork`, `AnomalyNetwork`, `PatternNetwork`). A
    family that learns two tasks registers once for each. It imports torch when it is called, not
    before: who only answers needs none. `panel`: it learns from windows of other markets too; its
    config is then a PanelConfig.
    """

    name: str
    task: Task
    title: str
    config: type[TrainConfig]
    build: Callable[..., Any]
    panel: bool = False

    @property
    def of_task(self) -> TaskSpec:
        """What every family of the task is measured by."""
        return TASKS[self.task]

    @property
    def is_default(self) -> bool:
        """Whether the task trains this family where nobody names one."""
        return self.of_task.default_family == self.name


# ------------------------------------------------------------------------------------- training
@dataclass(frozen=True, kw_only=True)
class Progress:
    """State of a training after an epoch (or on entering a stage). Times in seconds. A training
    may fit several networks one after the other (members, folds): `epoch` is that of the one which
    `part` (from 0) of `parts` names, and `stage` tells them apart."""

    stage: str
    epoch: int = 0
    epochs: int = 0
    part: int = 0
    parts: int = 1
    train_loss: float | None = None
    valid_loss: float | None = None
    eta_seconds: float | None = None

    @property
    def share(self) -> float:
        """Of all epochs of all networks, 0 to 1; one that stops early is counted as whole."""
        return (self.part + self.epoch / max(self.epochs, 1)) / self.parts


#: Called after every epoch and stage; answering False cancels the training.
ProgressCallback = Callable[[Progress], bool]


def ignore_progress(progress: Progress) -> bool:
    """Go on, whatever the progress."""
    return True


@dataclass(frozen=True, kw_only=True)
class OtherMarket:
    """A market whose quotes a training was given beside its own: `windows` that the last networks
    learned from, 0 where it had none that were usable by then (or enough others came before it);
    the last of the quotes given, how many they were, and their hash."""

    market: str
    windows: int
    quote_rows: int
    data_until: dt.datetime
    dataset_hash: str

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, for the manifest and for who stores it."""
        return {**dataclasses.asdict(self), "data_until": self.data_until.isoformat()}


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
    notes: tuple[str, ...] = ()  # what was done to the quotes before they were learnt from
    others: tuple[OtherMarket, ...] | None = None  # None: the family learns from no other market


@dataclass(frozen=True, kw_only=True)
class LabelledSpan:
    """What somebody said about a stretch of history, both ends included: a true anomaly, or a false
    alarm."""

    start: dt.datetime
    end: dt.datetime
    true: bool


# -------------------------------------------------------------------------------------- answers
