"""Forecasts: from stored history (kept) or from a posted sequence (answered, not kept)."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from django.utils import timezone

import ml
from analytics.conf import conf
from analytics.lazily import pd
from analytics.models import Forecast, Market
from analytics.models.choices import Task
from analytics.models.direct import insert_missing
from analytics.selectors.glimpse import Glimpse
from analytics.selectors.models import Serving
from analytics.selectors.prices import market_counters
from analytics.services.forecasts.newest import newest
from analytics.services.prices.history import is_stale, last_moment, origin_of, recent_frame
from analytics.services.prices.sequences import sequence_quotes
from analytics.services.prices.unchanged import Work, keep_unchanged
from analytics.services.registry.expiry import expiry_note, expiry_of
from analytics.services.registry.serving import answer_with, describe
from analytics.services.registry.untrained import untrained_baseline


@dataclasses.dataclass(frozen=True)
class _Made:
    """A forecast, who made it, and how long that took; `again` where it was made before."""

    serving: Serving
    forecast: ml.Forecast
    stale: bool
    milliseconds: float
    again: bool = False


def forecast_make(
    *,
    task: str,
    market: Market,
    sequence: Any = None,
    at: dt.datetime | None = None,
    glimpse: Glimpse | None = None,
) -> dict[str, Any]:
    """The forecast of `task` ("price" or "spread"), ready for JSON.

    With `sequence`, its last row is the origin; else the last stored quote at or before `at` (or
    now), of a market that is asked as in the `glimpse` at first. Raises NotReady (no_model),
    InvalidInput (no_history, bad_sequence, not_enough_data ...), Unavailable (artifact_broken).
    """
    if sequence is not None:
        return _answer(market, _of_sequence(task, market, sequence))
    work = _to_be_kept(task, market, at, _is_new)
    made, _kept = keep_unchanged(market, work, glimpse=glimpse)
    return _answer(market, made)


def forecast_work(*, task: str, market: Market) -> Work[_Made, None]:
    """The forecast at the last quote, to be stored; nobody is answered. Raises as `forecast_make`
    does."""
    return _to_be_kept(task, market, None, _is_news)


def _to_be_kept(
    task: str, market: Market, at: dt.datetime | None, needed: Callable[[_Made], bool]
) -> Work[_Made, None]:
    return Work(lambda: _of_history(task, market, at), partial(_keep, market), needed)


def forecast_rehearse(*, task: str, market: Market) -> None:
    """Forecast as the next caller will have it, and keep nothing but what this process remembers:
    network, frame, the day's state. Raises as `forecast_make` does."""
    _of_history(task, market, None)


def forecast_untrained(*, task: str, market: Market) -> Forecast | None:
    """What the baseline of a market with too few quotes for a network says now, as a row that is in
    no table; None where a version answers, or somebody should train one. Raises InvalidInput where
    the quotes lack what is asked."""
    if untrained_baseline(market, task) is None:
        return None
    made = _of_history(task, market, None)
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


def _of_sequence(task: str, market: Market, sequence: Any) -> _Made:
    """The forecast from posted rows."""
    serving, forecast, milliseconds = answer_with(
        market,
        task,
        lambda who, how: _predict(who, how, sequence_quotes(sequence, who.model)),
        or_baseline=True,
    )
    return _Made(serving, _noted(serving, forecast), forecast.stale, milliseconds)


def _of_history(task: str, market: Market, at: dt.datetime | None) -> _Made:
    """The forecast at the last stored quote; what was answered of the same quotes stands."""
    now = at or timezone.now()
    revision = market_counters(market).revision  # before the quotes: what comes now is seen later
    last = last_moment(market, at)

    def key_of(who: Serving) -> Hashable:
        return _key(market, revision, who, last, origin_of(last, who.model.step_minutes, now))

    def ask(who: Serving, how: ml.DLPredictor) -> ml.Forecast:
        if known := newest.get(key_of(who)):
            return known
        frame = recent_frame(market, until=last, step_minutes=who.model.step_minutes)
        return _predict(who, how, frame, origin_of(last, who.model.step_minutes, now))

    serving, forecast, milliseconds = answer_with(
        market, task, ask, or_baseline=True, when_short=True
    )
    stale = forecast.stale or is_stale(last, serving.model.step_minutes, now)
    again = newest.get(key := key_of(serving)) is forecast
    newest.put(key, forecast)
    return _Made(serving, _noted(serving, forecast), stale, milliseconds, again)


def _predict(
    who: Serving,
    how: ml.DLPredictor,
    quotes: pd.DataFrame | ml.QuoteArrays,
    origin: dt.datetime | None = None,
) -> ml.Forecast:
    ask = how.predict_price if who.model.task == Task.PRICE else how.predict_spread
    return ask(quotes, at=origin, source=ml.Source(who.source))


def _key(
    market: Market, revision: int, who: Serving, last: dt.datetime, origin: dt.datetime
) -> Hashable:
    """What a forecast from history depends on: the quotes, who answers, and the row of the grid;
    within one row the first answer stands."""
    model = who.model
    row = int(origin.timestamp()) // (60 * model.step_minutes)
    version = (model.pk, model.artifact, model.checksum, model.task, who.source)
    # A market that was deleted may leave its number to a new one, made at another time.
    return (market.pk, market.created_at, revision, last, row, origin == last, version)


def _noted(who: Serving, forecast: ml.Forecast) -> ml.Forecast:
    """With what is to be said of a version that expired."""
    note = expiry_note(expiry_of(who.model, at=forecast.as_of))
    return dataclasses.replace(forecast, notes=(*forecast.notes, *note)) if note else forecast


def _is_new(made: _Made) -> bool:
    """Whether it is to be stored: a version's, and the first of its moment."""
    if not _is_news(made):
        return False
    same = {"model": made.serving.model, "source": made.serving.source}
    return not Forecast.objects.filter(**same, as_of=made.forecast.as_of).exists()


def _is_news(made: _Made) -> bool:
    """Whether it is a version's that this process has not answered with yet."""
    return not made.again and made.serving.model.pk is not None


def _keep(market: Market, made: _Made) -> None:
    """One row per version and moment; asked again, the first answer stands."""
    row = Forecast(
        model=made.serving.model,
        source=made.serving.source,
        as_of=made.forecast.as_of,
        **_columns(market, made),
    )
    insert_missing(Forecast, [row])


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
        "horizons": [{**vars(one), "at": one.at.isoformat()} for one in forecast.horizons],
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
        "model": describe(serving, at=forecast.as_of),
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
