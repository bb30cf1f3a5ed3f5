"""Two trained models of one task meet on one stretch that neither has seen.

What they are asked is what anybody may ask a predictor; the truth comes from the grid, from labels
of hindsight or from planted faults. ml.evaluation.significance says whether the difference is luck.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from ml.errors import NotEnoughData
from ml.evaluation.significance import Verdict
from ml.predictor import DLPredictor
from ml.tasks import TASKS, Task

if TYPE_CHECKING:
    from ml.evaluation.compare_forecast import HorizonPair

Pair = tuple[DLPredictor, DLPredictor]


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Who was how good from `start` to `end`, by the task's primary metric. `note` is one of
    "other_grid" (their horizons are not the same moments), "untested" (a figure each) and ""."""

    metric: str
    higher_is_better: bool
    start: dt.datetime
    end: dt.datetime
    verdict: Verdict
    horizons: tuple[HorizonPair, ...] = ()
    note: str = ""


def compare_models(
    champion: DLPredictor,
    challenger: DLPredictor,
    quotes: pd.DataFrame,
    *,
    start: dt.datetime,
    end: dt.datetime,
) -> Meeting:
    """Measure both on start..end of a quotes frame that reaches back as far as either remembers.

    Forecasts meet by Diebold-Mariano on the CRPS, patterns and anomalies by a paired block
    bootstrap of their metric. Raises ArtifactMismatch, BadQuotes, NotEnoughData.
    """
    task = TASKS[challenger.task]
    quotes = quotes.loc[: pd.Timestamp(end)]
    pair = (champion, challenger)
    same_grid = champion.manifest["step_minutes"] == challenger.manifest["step_minutes"]
    verdict, horizons = None, ()
    if same_grid:
        verdict, horizons = _paired(task.task, task.primary, pair, quotes, start, end)
    if verdict is None:
        verdict = _figures(pair, task.primary, quotes, start, end)
    untested = "untested" if verdict.p_value is None else ""
    return Meeting(
        metric=task.primary,
        higher_is_better=task.higher_is_better,
        start=start,
        end=end,
        verdict=verdict,
        horizons=horizons,
        note=untested if same_grid else "other_grid",
    )


def _paired(
    task: Task, metric: str, pair: Pair, quotes: pd.DataFrame, start: dt.datetime, end: dt.datetime
) -> tuple[Verdict | None, tuple[HorizonPair, ...]]:
    """The test that fits the task; None where its metric is not one of rows."""
    first, last = pd.Timestamp(start), pd.Timestamp(end)
    if task in (Task.PRICE, Task.SPREAD):
        from ml.evaluation import compare_forecast as forecasts

        return forecasts.meet(pair, quotes, first, last)
    if (task, metric) == (Task.PATTERN, "macro_f1"):
        from ml.evaluation import compare_pattern as patterns

        return patterns.meet(pair, quotes, first, last), ()
    if (task, metric) == (Task.ANOMALY, "average_precision"):
        from ml.evaluation import compare_anomaly as anomalies

        return anomalies.compare_detectors(pair, quotes, first, last), ()
    return None, ()


def _figures(
    pair: Pair, metric: str, quotes: pd.DataFrame, start: dt.datetime, end: dt.datetime
) -> Verdict:
    """One figure each, and no test: for metrics and grids that cannot be paired row by row."""
    theirs, ours = (one.evaluate(quotes, start=start, end=end).get(metric) for one in pair)
    if theirs is None or ours is None:
        raise NotEnoughData(f"{metric} cannot be measured there.", needed=1, present=0)
    return Verdict(
        method="figures", n=0, champion=theirs, challenger=ours, difference=ours - theirs
    )
