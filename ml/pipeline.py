"""The one contract between the trainer, the predictor and a task.

A task package (ml.forecast, ml.anomaly, ml.pattern) offers a module with each of these functions;
their dotted paths stand in TaskSpec.pipeline and TaskSpec.loader. The trainer calls `fit` and
writes what comes back into an artifact; the predictor reads the artifact and calls `load`. Neither
knows the task's inside. What `load` imports knows no torch: an artifact with a graph needs none.

    def fit(spec, config, quotes, context) -> Fitted
    def load(artifact, device) -> Server
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from ml.artifact import Artifact
from ml.errors import ArtifactMismatch, BadConfig
from ml.grid import QuoteArrays
from ml.registry import get_spec
from ml.results import AnomalyScores, Forecast, Patterns
from ml.spec import (
    LabelledSpan,
    ModelSpec,
    ProgressCallback,
    Source,
    TrainConfig,
    ignore_progress,
    make_config,
)

CHECKPOINT = "checkpoint.safetensors"

if TYPE_CHECKING:
    import torch

    from ml.anomaly.stream import QuoteStream
    from ml.forecast.metrics import ForecastBatch


@dataclass(frozen=True, kw_only=True)
class FitContext:
    """Where and how a fit runs. `workdir` takes the checkpoint of every epoch; `device` is a torch
    device; `step_minutes` is the grid's step. Without `hold_out` all but the detector learn from
    all the quotes, and what they report of themselves is measured on their own validation
    stretches. `labels` is what people said about anomalies: the true ones do not count in a
    detector's calibration. `others` are quotes of other markets by name, for families that learn
    from those too."""

    device: torch.device
    workdir: Path
    step_minutes: int
    on_progress: ProgressCallback = ignore_progress
    hold_out: bool = True
    labels: tuple[LabelledSpan, ...] = ()
    others: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def checkpoint(self) -> Path:
        """Takes the weights after every epoch; gone once the artifact is written."""
        return self.workdir / CHECKPOINT


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted task: what the artifact holds, and what was measured on the untouched stretch.

    `section` is plain JSON (finite floats, str, int, lists, dicts) and all that `load` needs beside
    the tensors, the baseline's state included. `graph` is the network for ml.graph, None where
    plain PyTorch asks it faster or onnxruntime cannot (see ml.networks.inference.graph_of).
    `windows` of other markets that were learned from, by place among the context's, from 1.
    """

    tensors: dict[str, np.ndarray]
    graph: bytes | None
    section: dict[str, Any]
    metrics: dict[str, float | None]
    baseline_metrics: dict[str, float | None]
    trained_until: dt.datetime
    test_from: dt.datetime
    grid_rows: int
    window: int
    input_columns: tuple[str, ...]
    epochs_run: int
    best_epoch: int
    losses: tuple[tuple[float, float], ...] = field(default=())
    windows: Mapping[int, int] = field(default_factory=dict)


class Server(Protocol):
    """What `load` answers with, of whatever task.

    `quotes` is always a whole quotes frame up to the moment of interest; a server sees nothing
    later than `at`. `source` chooses between the network and the baseline it was measured against.
    """

    def evaluate(
        self, quotes: pd.DataFrame, *, start: dt.datetime, end: dt.datetime, source: Source
    ) -> dict[str, float | None]:
        """The metrics of the task over the rows from `start` to `end`."""


class ForecastServer(Server, Protocol):
    """Price and spread."""

    def forecast(
        self, quotes: pd.DataFrame | QuoteArrays, *, at: dt.datetime, source: Source
    ) -> Forecast:
        """See DLPredictor.predict_price."""

    def forecast_batch(
        self,
        quotes: pd.DataFrame,
        origins: pd.DatetimeIndex,
        source: Source,
        *,
        reference: bool = False,
    ) -> ForecastBatch:
        """The forecasts of many moments, each of what was known by then; or what they are measured
        against."""


class AnomalyServer(Server, Protocol):
    """Anomalies."""

    def scan(
        self,
        quotes: pd.DataFrame,
        *,
        start: dt.datetime | None,
        end: dt.datetime | None,
        threshold: float,
        source: Source,
    ) -> AnomalyScores:
        """See DLPredictor.detect_anomalies."""

    def stream(
        self, state: bytes | None = None, *, after: pd.DataFrame | None = None
    ) -> QuoteStream:
        """Scores one row at a time: from a packed state, or after a table."""

    def threshold_of(self, per_week: float, source: Source) -> float:
        """The public threshold that so many false alarms a week are expected of."""


class PatternServer(Server, Protocol):
    """Patterns."""

    def recognize(
        self, quotes: pd.DataFrame, *, at: dt.datetime, history: int, source: Source
    ) -> Patterns:
        """See DLPredictor.recognize_patterns."""


class Pipeline(Protocol):
    """A module that trains the families of a task."""

    def fit(
        self, spec: ModelSpec, config: TrainConfig, quotes: pd.DataFrame, context: FitContext
    ) -> Fitted:
        """Train a family of the task; what it may raise is `ml.errors`."""


class Loader(Protocol):
    """A module that rebuilds what a training left."""

    def load(self, artifact: Artifact, device: str) -> Server:
        """The server of an artifact, which answers on the device ("cpu", "cuda", ...). Raises
        UnknownFamily, and ArtifactMismatch where what it holds does not fit its family."""


def family_of(manifest: Mapping[str, Any]) -> tuple[ModelSpec, TrainConfig]:
    """The registered family of an artifact and the config it was trained with. Raises
    UnknownFamily, and ArtifactMismatch where the family no longer takes such a config."""
    spec = get_spec(manifest["task"], manifest["family"])
    try:
        return spec, make_config(spec.config, manifest["config"])
    except BadConfig as error:
        raise ArtifactMismatch(
            f"This artifact's configuration does not fit the family {spec.name}; train it again.",
            error.fields,
        ) from error
