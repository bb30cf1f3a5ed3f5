"""What a backtest is asked for, how it tells where it is, and the form of what it leaves."""

from __future__ import annotations

import datetime as dt
import gzip
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.errors import BadConfig
from ml.forecast.metrics import Answer
from ml.spec import DEFAULT_STEP_MINUTES
from ml.tasks import HORIZONS, QUANTILES, Task

TARGETS = {Task.PRICE: "mid", Task.SPREAD: "spread_pct"}
MOST_STEPS = 500_000
QUANTILE_COLUMNS = tuple(f"q{level:g}" for level in QUANTILES)
MOMENT_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, kw_only=True)
class BacktestPlan:
    """What is asked for. Origins and targets lie in `start`..`end`, `origin_step` grid rows apart.
    Without `refit_every` the model of before `start` answers all of it."""

    task: Task
    start: dt.datetime
    end: dt.datetime
    step_minutes: int = DEFAULT_STEP_MINUTES
    refit_every: dt.timedelta | None = None
    origin_step: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = {}
        if self.task not in TARGETS:
            problems["task"] = "must be price or spread"
        if self.end <= self.start:
            problems["end"] = "must be later than the start"
        elif (self.end - self.start) / dt.timedelta(minutes=self.step_minutes) > MOST_STEPS:
            problems["end"] = f"must lie at most {MOST_STEPS} grid steps after the start"
        if self.origin_step < 1:
            problems["origin_step"] = "must be at least 1"
        if self.refit_every is not None and self.refit_every < dt.timedelta(days=1):
            problems["refit_every"] = "must be at least a day"
        if problems:
            raise BadConfig("This backtest cannot be run.", problems)

    def origins(self) -> pd.DatetimeIndex:
        freq = pd.Timedelta(minutes=self.step_minutes)
        first = pd.Timestamp(self.start).ceil(freq)
        return pd.date_range(first, self.end, freq=freq)[:: self.origin_step]

    def fits(self) -> list[pd.Timestamp]:
        """The moments at which a model is fitted, each on the quotes before it."""
        if self.refit_every is None:
            return [pd.Timestamp(self.start)]
        last = pd.Timestamp(self.end) - pd.Timedelta(minutes=self.step_minutes)
        return list(pd.date_range(self.start, last, freq=self.refit_every))

    def as_json(self) -> dict[str, Any]:
        every = self.refit_every
        return {
            "task": str(self.task),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "step_minutes": self.step_minutes,
            "refit_seconds": None if every is None else every.total_seconds(),
            "origin_step": self.origin_step,
            "params": dict(self.params),
        }


@dataclass(frozen=True, kw_only=True)
class BacktestProgress:
    """`share` of the work done, 0 to 1; `stage` says with what it is busy."""

    stage: str
    share: float
    eta_seconds: float | None = None


#: Answering False cancels the backtest; what was done stays in the work folder.
BacktestListener = Callable[[BacktestProgress], bool]


def long_form(origins: pd.DatetimeIndex, answer: Answer, plan: BacktestPlan) -> pd.DataFrame:
    """A line per origin and horizon whose target lies in the plan's window."""
    count = len(origins)
    steps = np.asarray(HORIZONS)
    table = pd.DataFrame(
        {
            "origin": np.repeat(origins, len(steps)),
            "target": TARGETS[plan.task],
            "h": np.tile(steps, count),
        }
    )
    if not count:
        return table
    table["yhat"] = answer.value.reshape(-1)
    levels = answer.quantiles.reshape(len(table), -1)
    for column, values in zip(QUANTILE_COLUMNS, levels.T, strict=True):
        table[column] = values
    ahead = pd.to_timedelta(table["h"] * plan.step_minutes, unit="min")
    return table[table["origin"] + ahead <= pd.Timestamp(plan.end)]


def write_predictions(forecasts: pd.DataFrame, path: str | Path) -> None:
    """The long form as csv, zipped where the name ends in .gz; there at once or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.new")
    text = forecasts.to_csv(index=False, float_format="%.10g", date_format=MOMENT_FORMAT).encode()
    # Neither name nor time goes in: the same forecasts make the same file.
    staged.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    os.replace(staged, path)
