"""Quotes since a training beside those that it learned from."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import ml
from analytics.lazily import pd
from analytics.models import TrainedModel
from analytics.selectors.frames import price_frame

#: Days of quotes that are judged, and that they are judged by; of a fine grid fewer.
RECENT_DAYS, TRAINED_DAYS = 14, 365
MOST_ROWS = 20_000
#: The training holds so many stretches as long as the recent one, where it is long enough.
STRETCHES = 8


def inputs_drift(model: TrainedModel, *, last: dt.datetime) -> list[dict[str, Any]] | None:
    """How far the inputs of a version lie from its training's (`ml.measure_drift`), farthest first,
    ready for JSON; None where there are too few quotes since, or before."""
    known = min(
        dt.timedelta(days=TRAINED_DAYS),
        dt.timedelta(minutes=MOST_ROWS * model.step_minutes),
        model.data_until - model.data_from,
    )
    recent = min(dt.timedelta(days=RECENT_DAYS), known / STRETCHES)
    start = max(model.data_until, last - recent)
    trained = _frame(model, model.data_until - known, model.data_until)
    since = _frame(model, start + dt.timedelta(microseconds=1), last)
    if trained.empty or since.empty:
        return None
    try:
        found = ml.measure_drift(trained, since, step_minutes=model.step_minutes)
    except (ml.NotEnoughData, ml.BadQuotes):
        return None
    return [{**dataclasses.asdict(one), "drifted": one.drifted} for one in found]


def _frame(model: TrainedModel, since: dt.datetime, until: dt.datetime) -> pd.DataFrame:
    frame = price_frame(model.market, since=since, until=until)
    return frame[[column for column in model.input_columns if column in frame]]
