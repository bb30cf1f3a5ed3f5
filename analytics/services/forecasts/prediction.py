"""Forecasts: from stored history (kept) or from a posted sequence (answered, not kept)."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from django.utils import timezone

import ml
from analytics.conf import conf
from analytics.models import Forecast, Market
from analytics.selectors.models import Serving
from analytics.services.prices.history import is_stale, last_moment, origin_of, recent_frame
from analytics.services.prices.sequences import sequence_frame
from analytics.services.prices.unchanged import keep_unchanged
from analytics.services.registry.serving import answer_with, describe
from analytics.services.registry.untrained import untrained_baseline


@dataclasses.dataclass(frozen=True)
class _Made:
    """A forecast, who made it, and how long that took."""

    serving: Serving
    forecast: ml.Forecast
    stale: bool
    milliseconds: float


def forecast_make(
    *,
    task: str,
    market: Market,
    sequence: Any = None,
    at: dt.datetime | None = None,
) -> dict[str, Any]:
    """The forecast of `task` ("price" or "spread"), ready for JSON.

    With `sequence`, its last row is the origin; else the last stored quote at or before `at` (or
    now). Raises NotReady (no_model), InvalidInput (no_history, bad_sequence, not_enough_data ...),
    Unavailable (artifact_broken).
    """
    if sequence is not None:
        return _answer(market, _forecast(task, market, None, at, sequence))
    made, _kept = keep_unchanged(
        market,
        lambda: _forecast(task, market, last_moment(market, at), at),
        lambda made: _keep(market, made),
        needed=_is_new,
    )
    return _answer(market, made)


def forecast_rehearse(*, task: str, market: Market) -> None:
    """Forecast as the next caller will have it, and keep nothing but what this process remembers:
    network, frame, the day's state. Raises as `forecast_make` does."""
    _forecast(task, market, last_moment(market), None)


def forecast_untrained(*, task: str, market: Market) -> Forecast | None:
    """What the baseline of a market with too few quotes for a network says now, as a row that is in
    no table; None where a version answers, or somebody should train one. Raises InvalidInput where
    the quotes lack what is asked."""
    if untrained_baseline(market, task) is None:
        return None
    made = _forecast(task, market, last_moment(market), None)
    serving = made.serving
    if serving.model.pk is not None:
        return None
    return Forecast(
        model=serving.model,
        source=serving.source,
        as_of=made.forecast.as_of,
        generated_at=timezone.now(),
        **_columns(market, made),
    )


def _forecast(
    task: str,
    market: Market,
    last: dt.datetime | None,
    at: dt.datetime | None,
    sequence: Any = None,
) -> _Made:
    """The forecast from the quotes up to `last`, or from a sequence where that is None."""

    def ask(serving: Serving, predictor: ml.DLPredictor) -> ml.Forecast:
        if last is None:
            frame = sequence_frame(sequence, serving.model)
        else:
            frame = recent_frame(market, until=last)
        origin = None if last is None else origin_of(last, serving.model.step_minutes, at)
        predict = predictor.predict_price if task == "price" else predictor.predict_spread
        return predict(frame, at=origin, source=ml.Source(serving.source))

    serving, forecast, milliseconds = answer_with(market, task, ask, or_baseline=True)
    stale = forecast.stale or (last is not None and is_stale(last, serving.model.step_minutes, at))
    return _Made(serving, forecast, stale, milliseconds)


def _is_new(made: _Made) -> bool:
    """Whether it is to be stored: a version's, and the first of its moment."""
    if made.serving.model.pk is None:
        return False
    same = {"model": made.serving.model, "source": made.serving.source}
    return not Forecast.objects.filter(**same, as_of=made.forecast.as_of).exists()


def _keep(market: Market, made: _Made) -> Forecast:
    """One row per version and moment; asked again, the first answer stands."""
    same = {"model": made.serving.model, "source": made.serving.source}
    row, _made = Forecast.objects.get_or_create(
        **same, as_of=made.forecast.as_of, defaults=_columns(market, made)
    )
    return row


def _columns(market: Market, made: _Made) -> dict[str, Any]:
    """Of the forecast's row, beside what tells it from others."""
    forecast = made.forecast
    return {
        "market": market,
        "task": made.serving.model.task,
        "name": made.serving.name,
        "stale": made.stale,
        "unit": forecast.unit,
        "last_value": forecast.last_value,
        "horizons": [
            {**dataclasses.asdict(one), "at": one.at.isoformat()} for one in forecast.horizons
        ],
        "novelty": forecast.novelty,
        "notes": list(forecast.notes),
    }


def _answer(market: Market, made: _Made) -> dict[str, Any]:
    serving, forecast = made.serving, made.forecast
    # In an answer the value of a horizon carries its own name.
    value = forecast.unit
    horizons = [
        {value if name == "value" else name: held for name, held in vars(one).items()}
        for one in forecast.horizons
    ]
    return {
        "market": market.symbol,
        "task": serving.model.task,
        "model": describe(serving),
        "as_of": forecast.as_of,
        "generated_at": timezone.now(),
        "stale": made.stale,
        "unit": forecast.unit,
        "last_value": forecast.last_value,
        f"predicted_{value}": horizons[0][value],
        "horizons": horizons,
        "novelty": forecast.novelty,
        "notes": list(forecast.notes),
        "device": conf().SERVE_DEVICE,
        "latency_ms": round(made.milliseconds, 3),
    }
