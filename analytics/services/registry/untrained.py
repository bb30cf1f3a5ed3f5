"""Markets with fewer rows than a network needs: their baseline answers, without a version."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from django.db.models import Max, Min

import ml
from analytics.exceptions import InvalidInput
from analytics.models import Market, PriceHistory, TrainedModel
from analytics.models.choices import Source
from analytics.selectors.models import Serving
from analytics.selectors.prices import market_counters, price_frame
from analytics.services.translate import ml_errors

#: Quotes that are more than any baseline is for, wherever they lie.
PLENTY = 20_000


def untrained_baseline(market: Market, task: str) -> tuple[Serving, ml.DLPredictor] | None:
    """Who answers for a market that is too young to learn from, and its predictor; None where there
    is enough to train on (somebody should), or too little even for a baseline. `Serving.model` is
    in no database. Raises InvalidInput where quotes lack what is asked (a second side, say).
    """
    quotes = PriceHistory.objects.filter(market=market).order_by()
    first, last = quotes.aggregate(first=Min("timestamp"), last=Max("timestamp")).values()
    if first is None or last is None:
        return None
    rows = quotes[:PLENTY].count()  # a million need not be counted
    needs = ml.TASKS[ml.Task(task)]
    step = market.cadence_minutes
    if ml.fillable_rows(first, last, quotes=rows, step_minutes=step) >= needs.min_grid_rows:
        return None
    try:
        # A market that was deleted may leave its number to a new one, made at another time.
        state = (market.created_at, market_counters(market).revision)
        predictor = _predictor(market.pk, task, step, state)
    except InvalidInput as error:
        if error.code == "not_enough_data":
            return None
        raise
    model = TrainedModel(
        market=market,
        task=task,
        family=needs.baseline,
        baseline=needs.baseline,
        version=0,
        status=TrainedModel.Status.CANDIDATE,
        step_minutes=step,
        input_columns=list(predictor.manifest["input_columns"]),
        window=0,
        trained_until=last,
        data_from=first,
        data_until=last,
    )
    return Serving(model, Source.BASELINE), predictor


@lru_cache(maxsize=64)
def _predictor(
    market_id: int, task: str, step: int, state: tuple[dt.datetime, int]
) -> ml.DLPredictor:
    """Built once for a `state` of the market's quotes."""
    frame = price_frame(Market(pk=market_id))
    with ml_errors():
        return ml.baseline_predictor(task, frame, step_minutes=step)
