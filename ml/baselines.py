"""A door for markets that no network has learnt: the tasks' own baselines, fitted in no time.

`baseline_predictor` answers as a loaded artifact does, under the baseline's name, with a note.
"""

from __future__ import annotations

import datetime as dt
import importlib
from typing import Any

import pandas as pd

from ml.cadence import infer_step_minutes
from ml.grid import check_quotes
from ml.pipeline import Server
from ml.predictor import DLPredictor
from ml.tasks import TASKS, Task

#: Task -> module and class that serves its baseline, made of (task, quotes, step_minutes).
_SERVERS = {
    Task.PRICE: ("ml.forecast.climatology", "BaselineForecaster"),
    Task.SPREAD: ("ml.forecast.climatology", "BaselineForecaster"),
    Task.ANOMALY: ("ml.anomaly.baseline", "BaselineDetector"),
    Task.PATTERN: ("ml.pattern.rule_server", "RuleRecognizer"),
}


def baseline_predictor(
    task: Task | str, quotes: pd.DataFrame, *, step_minutes: int | None = None
) -> DLPredictor:
    """The baseline of `task`, which knows what `quotes` (see ml.spec) say and no more; whichever
    source it is asked for, it answers as Source.BASELINE under its own name.

    `step_minutes` is the grid's; None takes the market's own cadence. Raises BadQuotes (no price,
    no second side for a spread) and NotEnoughData (30 rows for anomalies, four days of the grid for
    patterns; a forecast needs one known price).
    """
    task = Task(task)
    quotes = check_quotes(quotes)
    step = step_minutes or infer_step_minutes(pd.DatetimeIndex(quotes.index))
    home, name = _SERVERS[task]
    server: Server = getattr(importlib.import_module(home), name)(task, quotes, step)
    return DLPredictor(_manifest(task, quotes, step), server, "cpu")


def _manifest(task: Task, quotes: pd.DataFrame, step: int) -> dict[str, Any]:
    """What is told of an artifact, as far as there is something to tell."""
    first, last = (_iso(quotes.index[at].to_pydatetime()) for at in (0, -1))
    return {
        "task": str(task),
        "family": TASKS[task].baseline,
        "baseline": TASKS[task].baseline,
        "step_minutes": step,
        "input_columns": list(quotes.columns),
        "quote_rows": len(quotes),
        "data_from": first,
        "data_until": last,
        "trained_until": last,
        "metrics": {},
    }


def _iso(moment: dt.datetime) -> str:
    return moment.isoformat()
