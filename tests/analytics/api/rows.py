"""Results at known moments, for lists and filters."""

from __future__ import annotations

import datetime as dt
from typing import Any

from analytics.models import AnomalyResult, Forecast, Market, PatternResult, TrainedModel
from tests import factories

from .fakes import NOW


def make_anomaly(market: Market, model: TrainedModel, k: int = 0, **values: Any) -> AnomalyResult:
    facts = {"score": 0.2 + k / 100, "timestamp": NOW - dt.timedelta(hours=k)}
    return factories.make_anomaly(model, **{**facts, **values})


def make_forecast(market: Market, model: TrainedModel, k: int = 0) -> Forecast:
    return Forecast.objects.create(
        market=market, model=model, source="network", name="lstm", task=model.task,
        as_of=NOW - dt.timedelta(hours=k), unit="price", last_value=9.3, horizons=[],
    )  # fmt: skip


def make_pattern(market: Market, model: TrainedModel, k: int = 0) -> PatternResult:
    return PatternResult.objects.create(
        market=market, model=model, source="network", name="cnn", label="range", probability=0.7,
        as_of=NOW - dt.timedelta(hours=k),
    )  # fmt: skip
