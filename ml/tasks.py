"""What is asked of a network: the four tasks, what each is measured by, and who answers by default.

A task is fixed; families come and go (see ml.registry). A new family changes nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

#: Levels of the quantiles of a forecast, and grid steps ahead that it speaks about.
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
HORIZONS = (1, 6, 24, 48)
#: Quantiles of the move, if the quote moves, with which a forecaster's network answers; levels.
N_KNOTS = 21
KNOT_LEVELS = tuple((number + 0.5) / N_KNOTS for number in range(N_KNOTS))

#: What is measured of a forecast at each horizon; `cov80` is the share that the interval covers.
PER_HORIZON = ("n", "mae", "mae_skill", "crps", "crps_skill", "cov80", "cov90")
_FORECAST_METRICS = ("crps", "mae", "n", *(f"{m}_h{h}" for h in HORIZONS for m in PER_HORIZON))


class Task(StrEnum):
    """What a network may learn."""

    PRICE = "price"
    SPREAD = "spread"
    ANOMALY = "anomaly"
    PATTERN = "pattern"


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """`default_family` is trained where nobody names one. `pipeline` and `loader` are the dotted
    paths of the modules that train and that serve the task (see ml.pipeline). Versions are compared
    by `primary`, one of `metrics`, and must beat the `baseline` by it. `min_grid_rows` is what a
    request is checked against before it is queued. `horizons` are grid steps; empty where nothing
    is forecast."""

    task: Task
    default_family: str
    pipeline: str
    loader: str
    baseline: str
    primary: str
    metrics: tuple[str, ...]
    higher_is_better: bool = False
    min_grid_rows: int = 1000
    horizons: tuple[int, ...] = ()

    def better(self, score: float, other: float) -> bool:
        """Whether `score` beats `other` by the primary metric."""
        return score > other if self.higher_is_better else score < other


def _forecast(task: Task, default_family: str) -> TaskSpec:
    return TaskSpec(
        task=task,
        default_family=default_family,
        pipeline="ml.forecast.pipeline",
        loader="ml.forecast.loading",
        baseline="last_value",
        primary="crps",
        metrics=_FORECAST_METRICS,
        horizons=HORIZONS,
    )


TASKS: Mapping[Task, TaskSpec] = MappingProxyType(
    {
        Task.PRICE: _forecast(Task.PRICE, "lstm"),
        Task.SPREAD: _forecast(Task.SPREAD, "gru"),
        Task.ANOMALY: TaskSpec(
            task=Task.ANOMALY,
            default_family="autoencoder",
            pipeline="ml.anomaly.pipeline",
            loader="ml.anomaly.server",
            baseline="robust_z",
            primary="average_precision",
            metrics=(
                "average_precision",
                "recall_at_one_a_week",
                "recall",
                "false_alarms_per_week",
            ),
            higher_is_better=True,
        ),
        Task.PATTERN: TaskSpec(
            task=Task.PATTERN,
            default_family="cnn",
            pipeline="ml.pattern.pipeline",
            loader="ml.pattern.loading",
            baseline="trailing_rule",
            primary="macro_f1",
            metrics=("macro_f1", "accuracy", "ece", "f1_movement", "f1_agitation"),
            higher_is_better=True,
            min_grid_rows=1500,
        ),
    }
)
