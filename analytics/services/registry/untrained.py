"""Markets without any version: their baseline answers where there are fewer rows than a network
needs, and until the first training ends."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from django.db import connection
from django.db.models import Max, Min

import ml
from analytics.exceptions import InvalidInput
from analytics.models import Market, PriceHistory, TrainedModel, TrainingRun
from analytics.models.choices import Source
from analytics.selectors.frames import price_frame
from analytics.selectors.models import Serving
from analytics.selectors.prices import market_counters
from analytics.services.translate import ml_errors

#: The newest quotes that a baseline is built from, and how far quotes are counted.
MOST_QUOTES = 50_000


def untrained_baseline(
    market: Market, task: str, *, short: bool = False
) -> tuple[Serving, ml.DLPredictor] | None:
    """Who answers for a market that is too young to learn from, or whose first training has not
    ended yet, or of which too little is known of late (`short`), and its predictor; None where
    there is enough to train on and nobody does (somebody should), or too little even for a
    baseline. `Serving.model` is in no database. Raises InvalidInput where quotes lack what is asked
    (a second side, say).
    """
    # A market that was deleted may leave its number to a new one, made at another time.
    state = (market.created_at, market_counters(market).revision)
    # What a transaction wrote may be undone, and its revision given again.
    extent = _extent.__wrapped__ if connection.in_atomic_block else _extent
    first, last, rows = extent(market.pk, state)
    if first is None or last is None:
        return None
    needs = ml.TASKS[ml.Task(task)]
    step = market.cadence_minutes
    enough = ml.fillable_rows(first, last, quotes=rows, step_minutes=step) >= needs.min_grid_rows
    if enough and not short and not _in_training(market, task):
        return None
    try:
        predictor = _predictor(market.pk, task, step, state)
    except InvalidInput as error:
        if error.code == "not_enough_data":
            return None
        raise
    return Serving(_no_version(market, task, first, last, predictor), Source.BASELINE), predictor


@lru_cache(maxsize=1024)
def _extent(
    market_id: int, state: tuple[dt.datetime, int]
) -> tuple[dt.datetime | None, dt.datetime | None, int]:
    """Times of the first and the last quote, and how many there are: a million are not counted.
    Asked once for a `state` of the market's quotes."""
    quotes = PriceHistory.objects.filter(market=market_id).order_by()
    found = quotes.aggregate(first=Min("timestamp"), last=Max("timestamp"))
    return found["first"], found["last"], quotes[:MOST_QUOTES].count()


def _no_version(
    market: Market,
    task: str,
    first: dt.datetime,
    last: dt.datetime,
    predictor: ml.DLPredictor,
) -> TrainedModel:
    """What stands where a version would: it is in no database."""
    baseline = ml.TASKS[ml.Task(task)].baseline
    return TrainedModel(
        market=market,
        task=task,
        family=baseline,
        baseline=baseline,
        version=0,
        status=TrainedModel.Status.CANDIDATE,
        step_minutes=market.cadence_minutes,
        input_columns=list(predictor.manifest["input_columns"]),
        window=0,
        trained_until=last,
        data_from=first,
        data_until=last,
    )


def _in_training(market: Market, task: str) -> bool:
    opened = (TrainingRun.Status.QUEUED, TrainingRun.Status.RUNNING)
    return TrainingRun.objects.filter(market=market, task=task, status__in=opened).exists()


@lru_cache(maxsize=512)  # four of each of 128 markets; they hold no quotes
def _predictor(
    market_id: int, task: str, step: int, state: tuple[dt.datetime, int]
) -> ml.DLPredictor:
    """Built once for a `state` of the market's quotes."""
    frame = price_frame(Market(pk=market_id), last=MOST_QUOTES)
    with ml_errors():
        return ml.baseline_predictor(task, frame, step_minutes=step)
