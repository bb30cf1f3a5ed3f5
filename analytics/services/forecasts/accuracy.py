"""Live accuracy: every stored forecast is scored when its moment has passed.

The actual value is read off the same grid that models see: the last quote at or before the target,
if it is fresh enough. A target is scored only when a later quote has come (or it is too old to be
known any more), so that a late quote cannot change a score.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from django.db.models import Count
from django.utils import timezone

import ml
from analytics.models import Forecast, ForecastScore, Market, TrainedModel
from analytics.selectors.accuracy import Tally, merged, tallies
from analytics.selectors.models import model_active
from analytics.selectors.recent import later_quotes
from analytics.services.forecasts.drift import drift_of
from analytics.services.prices.history import last_moment
from analytics.services.prices.unchanged import keep_unchanged

#: Forecasts that a round looks at, and how far back: what is not known by then stays unknown.
MOST = 2000
LOOK_BACK = dt.timedelta(days=60)
FORECAST_TASKS = tuple(str(task) for task, spec in ml.TASKS.items() if spec.horizons)
_COLUMN = {"price": "mid", "spread_pct": "spread_pct"}


def forecasts_score(*, market: Market | None = None, since: dt.datetime | None = None) -> int:
    """Score every horizon that is due and not scored yet; how many were. Safe to repeat. `since`:
    only of forecasts that were made from then on, which costs the same however many there are."""
    markets = [market] if market is not None else Market.objects.filter(forecasts__isnull=False)
    return sum(_score_market(one, since) for one in {m.pk: m for m in markets}.values())


def _score_market(market: Market, since: dt.datetime | None) -> int:
    _made, count = keep_unchanged(market, lambda: _due(market, since), _keep, needed=bool)
    return count or 0


def _keep(made: list[ForecastScore]) -> int:
    ForecastScore.objects.bulk_create(made, ignore_conflicts=True, batch_size=500)
    return len(made)


def _due(market: Market, since: dt.datetime | None) -> list[ForecastScore]:
    """The scores that can be told now and are not stored yet."""
    last = last_moment(market)
    forecasts = _unscored(market, last, max(since or last - LOOK_BACK, last - LOOK_BACK))
    if not forecasts:
        return []
    first = min(forecast.as_of for forecast in forecasts) - dt.timedelta(hours=12)
    frame = later_quotes(market, since=first, until=last)
    made: list[ForecastScore] = []
    for step in {f.model.step_minutes for f in forecasts}:
        own = [forecast for forecast in forecasts if forecast.model.step_minutes == step]
        made += _scores(own, frame, last, step)
    return made


def _unscored(market: Market, last: dt.datetime, since: dt.datetime) -> list[Forecast]:
    """Forecasts made from `since` on of which more horizons are over than are scored; newest
    first. Most wait for their next horizon: what they said is not read."""
    made = Forecast.objects.filter(market=market, as_of__lt=last, as_of__gte=since)
    made = made.annotate(n=Count("scores")).filter(n__lt=len(ml.HORIZONS)).order_by("-as_of")
    found = [
        pk
        for pk, as_of, n, step in made.values_list("pk", "as_of", "n", "model__step_minutes")[:MOST]
        if as_of + dt.timedelta(minutes=ml.HORIZONS[n] * step) < last
    ]
    if not found:
        return []
    told = ("unit", "as_of", "last_value", "horizons", "model__step_minutes")
    due = Forecast.objects.filter(pk__in=found).select_related("model").only(*told)
    return list(due.order_by("-as_of").prefetch_related("scores"))


def _scores(
    forecasts: list[Forecast], frame: pd.DataFrame, last: dt.datetime, step_minutes: int
) -> list[ForecastScore]:
    """Of forecasts of one grid, by what the quotes were at the moments they spoke of."""
    asked = []
    for forecast in forecasts:
        done = {score.steps for score in forecast.scores.all()}
        for horizon in forecast.horizons:
            at = dt.datetime.fromisoformat(horizon["at"])
            if horizon["steps"] not in done and at < last:
                asked.append((forecast, horizon, at))
    if not asked:
        return []
    columns = ml.grid_at(frame, [at for *_rest, at in asked], step_minutes=step_minutes)
    unknown = np.full(len(asked), np.nan)
    found = []
    for number, (forecast, horizon, at) in enumerate(asked):
        actual = float(columns.get(_COLUMN[forecast.unit], unknown)[number])
        if math.isfinite(actual):
            found.append(_scored(forecast, horizon, at, actual))
    return found


def _scored(
    forecast: Forecast, horizon: dict[str, Any], at: dt.datetime, actual: float
) -> ForecastScore:
    levels = {float(level): value for level, value in horizon["quantiles"].items()}
    # Twice the mean pinball loss over the levels approximates the CRPS (Gneiting & Ranjan 2011).
    pinball = [max(p * (actual - q), (p - 1) * (actual - q)) for p, q in levels.items()]
    return ForecastScore(
        forecast=forecast,
        steps=horizon["steps"],
        target_at=at,
        actual=actual,
        error=abs(horizon["value"] - actual),
        naive_error=abs(forecast.last_value - actual),
        crps=2 * sum(pinball) / len(pinball),
        inside_80=levels[0.1] <= actual <= levels[0.9],
        inside_90=levels[0.05] <= actual <= levels[0.95],
    )


def accuracy_of(
    *, market: Market, days: int = 30, now: dt.datetime | None = None
) -> dict[str, Any]:
    """Rolling skill and coverage per task and horizon over the last `days`, and whether the active
    versions drifted, ready for JSON. Skill is the mean error over that of the last value: below 1
    is better than doing nothing."""
    active = {task: model_active(market.pk, task) for task in FORECAST_TASKS}
    found = accuracy_of_many({market.pk: active}, days=days, now=now)
    return {"market": market.symbol, **found[market.pk]}


def accuracy_of_many(
    active: Mapping[int, Mapping[str, TrainedModel | None]],
    *,
    days: int = 30,
    now: dt.datetime | None = None,
) -> dict[int, dict[str, Any]]:
    """The same for many markets in one query; `active` holds the active version of each task (any
    other version there is left out), per id of a market."""
    since = (now or timezone.now()) - dt.timedelta(days=days)
    found = tallies(markets=active, since=since)
    told = {}
    for market_id, models in active.items():
        own = [tally for tally in found if tally.market_id == market_id]
        serving = [(t, m) for t in FORECAST_TASKS if (m := models.get(t)) and m.status == "active"]
        told[market_id] = {
            "days": days,
            "horizons": [_told(tally) for tally in merged(own)],
            "drift": [drift_of(task, model, own) for task, model in serving],
        }
    return told


def _told(tally: Tally) -> dict[str, Any]:
    return {
        "task": tally.task,
        "source": tally.source,
        "horizon": tally.steps,
        "minutes": tally.minutes,
        "n": tally.n,
        "mae": tally.error / tally.n,
        "naive_mae": tally.naive / tally.n,
        "mean_crps": tally.crps / tally.n,
        "coverage_80": tally.inside_80 / tally.n,
        "coverage_90": tally.inside_90 / tally.n,
        "skill": tally.skill,
    }
