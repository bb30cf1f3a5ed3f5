"""Champion and challenger, two trained models of one task, on one stretch that neither has seen.

What they are asked is what anybody may ask a predictor; the truth comes from the grid, from labels
of hindsight or from planted faults. ml.evaluation.significance says whether the difference is luck.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.errors import NotEnoughData
from ml.evaluation.compare_anomaly import compare_detectors
from ml.evaluation.significance import BLOCK, SignificanceTest, diebold_mariano, paired_bootstrap
from ml.forecast.metrics import crps
from ml.forecast.targets import Target
from ml.grid import build_grid
from ml.pattern.features import usable_rows
from ml.pattern.labels import CLASSES, MAIN_HEADS, make_labels
from ml.pattern.measure import macro_f1
from ml.predictor import DLPredictor
from ml.results import Pattern
from ml.tasks import HORIZONS, TASKS, Task

Pair = tuple[DLPredictor, DLPredictor]  # champion and challenger


@dataclass(frozen=True, kw_only=True)
class HorizonPair:
    """Mean CRPS of both at one horizon, in the forecast's unit."""

    steps: int
    n: int
    champion: float
    challenger: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Who was how good from `start` to `end`, by the task's primary metric. `note` is one of
    "other_grid" (their horizons are not the same moments), "untested" (a figure each) and ""."""

    metric: str
    higher_is_better: bool
    start: dt.datetime
    end: dt.datetime
    test: SignificanceTest
    horizons: tuple[HorizonPair, ...] = ()
    note: str = ""


def compare_models(
    champion: DLPredictor,
    challenger: DLPredictor,
    quotes: pd.DataFrame,
    *,
    start: dt.datetime,
    end: dt.datetime,
) -> Comparison:
    """Measure both on start..end of a quotes frame that reaches back as far as either remembers.

    Forecasts are compared by Diebold-Mariano on the CRPS, patterns and anomalies by a paired block
    bootstrap of their metric. Raises ArtifactMismatch, BadQuotes, NotEnoughData.
    """
    task = TASKS[challenger.task]
    quotes = quotes.loc[: pd.Timestamp(end)]
    pair = (champion, challenger)
    same_grid = champion.manifest["step_minutes"] == challenger.manifest["step_minutes"]
    horizons: tuple[HorizonPair, ...] = ()
    if same_grid:
        test, horizons = _paired(task.task, pair, quotes, pd.Timestamp(start), pd.Timestamp(end))
    else:
        test = _figures(pair, task.primary, quotes, start, end)
    untested = "untested" if test.p_value is None else ""
    return Comparison(
        metric=task.primary,
        higher_is_better=task.higher_is_better,
        start=start,
        end=end,
        test=test,
        horizons=horizons,
        note=untested if same_grid else "other_grid",
    )


def _paired(
    task: Task, pair: Pair, quotes: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp
) -> tuple[SignificanceTest, tuple[HorizonPair, ...]]:
    """The test of the task's primary metric."""
    if task is Task.PATTERN:
        return compare_recognizers(pair, quotes, first, last), ()
    if task is Task.ANOMALY:
        return compare_detectors(pair, quotes, first, last), ()
    return compare_forecasters(pair, quotes, first, last)


def _figures(
    pair: Pair, metric: str, quotes: pd.DataFrame, start: dt.datetime, end: dt.datetime
) -> SignificanceTest:
    """One figure each, and no test: for grids that cannot be paired row by row."""
    theirs, ours = (one.evaluate(quotes, start=start, end=end).get(metric) for one in pair)
    if theirs is None or ours is None:
        raise NotEnoughData(f"{metric} cannot be measured there.", needed=1, present=0)
    return SignificanceTest(
        method="figures", n=0, champion=theirs, challenger=ours, difference=ours - theirs
    )


# ------------------------------------------------------------------------------------- forecasters
def compare_forecasters(
    pair: Pair, quotes: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp
) -> tuple[SignificanceTest, tuple[HorizonPair, ...]]:
    """Losses per origin: the CRPS of every horizon over the mean CRPS of the last value there, and
    of those the mean. So the mean loss is the metric `crps`, and no horizon drowns another. Raises
    NotEnoughData."""
    scores = _crps_of(pair, quotes, first, last)
    known = np.isfinite(scores).all(axis=0)
    scores[:, ~known] = np.nan
    used = known.any(axis=0)
    means = np.full((len(scores), len(HORIZONS)), np.nan)
    means[:, used] = np.nanmean(scores[:, :, used], axis=1)
    worth = used & (means[2] > 0)
    if not worth.any():
        raise NotEnoughData("Nothing moved in that stretch.", needed=1, present=0)
    # Each horizon weighs the same, also where one is known at fewer origins than another.
    share = known[:, worth].sum(axis=0) / known[:, worth].any(axis=1).sum()
    ratios = scores[:, :, worth] / means[2, worth] / share
    total = np.where(known[:, worth].any(axis=1), np.nansum(ratios, axis=-1), np.nan)
    losses = total / worth.sum()
    horizons = tuple(
        HorizonPair(
            steps=HORIZONS[k],
            n=int(known[:, k].sum()),
            champion=float(means[0, k]),
            challenger=float(means[1, k]),
        )
        for k in np.flatnonzero(used).tolist()
    )
    return diebold_mariano(losses[0], losses[1], overlap=max(HORIZONS)), horizons


def _crps_of(
    pair: Pair, quotes: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp
) -> np.ndarray:
    """(3, origins, horizons) CRPS of champion, challenger and the last value, NaN where unknown."""
    step = int(pair[0].manifest["step_minutes"])
    freq = pd.Timedelta(minutes=step)
    origins = pd.date_range(first.ceil(freq), last - freq, freq=freq).as_unit("ns")
    if not len(origins):
        raise NotEnoughData("The stretch is shorter than a step.", needed=1, present=0)
    value = build_grid(quotes, step_minutes=step, end=last)[Target(pair[0].task).column]
    truth = np.stack([value.reindex(origins + h * freq).to_numpy() for h in HORIZONS], axis=1)
    asked = [*((one, False) for one in pair), (pair[1], True)]
    scores = np.full((len(asked), len(origins), len(HORIZONS)), np.nan)
    for k, (predictor, reference) in enumerate(asked):
        batch = predictor.forecast_batch(quotes, origins, reference=reference)
        rows = origins.get_indexer(batch.origins)
        if len(rows):
            scores[k, rows] = crps(batch.answer.quantiles, truth[rows])
    return scores


# ------------------------------------------------------------------------------------- recognisers
def compare_recognizers(
    pair: Pair, quotes: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp
) -> SignificanceTest:
    """Macro-F1 over the heads that every market has, on the rows that both can name. Raises
    NotEnoughData."""
    step = int(pair[0].manifest["step_minutes"])
    grid = build_grid(quotes, step_minutes=step, end=last)
    truth = make_labels(grid, centred=True)
    known = np.asarray(grid.index >= first)
    history = int(known.sum()) - 1
    named = []
    for predictor in pair:
        known &= usable_rows(grid, int(predictor.manifest["window"]), step)
        answer = predictor.recognize_patterns(quotes, at=last.to_pydatetime(), history=history)
        best = {pd.Timestamp(p.as_of): _classes(p) for p in (*answer.history, answer.current)}
        known &= np.asarray(grid.index.isin(best.keys()))
        named.append(np.array([best.get(at, [-1] * len(MAIN_HEADS)) for at in grid.index]))
    labels = np.stack([truth[h] for h in MAIN_HEADS], axis=1)
    known &= (labels >= 0).all(axis=1)
    if not known.any():
        raise NotEnoughData("No row of that stretch has a label.", needed=1, present=0)
    labels, guesses = labels[known], [one[known] for one in named]

    def metric(places: np.ndarray, who: int) -> float:
        scores = [
            macro_f1(labels[places, k], guesses[who][places, k], len(CLASSES[head]))
            for k, head in enumerate(MAIN_HEADS)
        ]
        return float(np.mean(scores))

    return paired_bootstrap(metric, len(labels), block=BLOCK)


def _classes(pattern: Pattern) -> list[int]:
    """The number of the most probable class of each main head."""
    heads = [pattern.heads[head] for head in MAIN_HEADS]
    return [
        CLASSES[head].index(max(table, key=lambda name: table[name]))
        for head, table in zip(MAIN_HEADS, heads, strict=True)
    ]
