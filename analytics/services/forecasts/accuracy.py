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

import pandas as pd
from django.db.models import Count
from django.utils import timezone

import ml
from analytics.models import Forecast, ForecastScore, Market, TrainedModel
from analytics.selectors.accuracy import Tally, merged, tallies
from analytics.selectors.frames import price_frame
from analytics.selectors.models import model_active
from analytics.services.forecasts.drift import drift_of
from analytics.services.prices.history import last_moment
from analytics.services.prices.unchanged import keep_unchanged

#: Forecasts that a round looks at, and how far back: what is not known by then stays unknown.
MOST = 2000
LOOK_BACK = dt.timedelta(days=60)
FORECAST_TASKS = tuple(str(task) for task, spec in ml.TASKS.items() if spec.horizons)
_COLUMN = {"price": "mid", "spread_pct": "spread_pct"}


def forecasts_score(*, market: Market | None = None) -> int:
    """Score every horizon that is due and not scored yet; how many were. Safe to repeat."""
    markets = [market] if market is not None else Market.objects.filter(forecasts__isnull=False)
    return sum(_score_market(one) for one in {m.pk: m for m in markets}.values())


def _score_market(market: Market) -> int:
    _made, count = keep_unchanged(market, lambda: _due(market), _keep, needed=bool)
    return count or 0


def _keep(made: list[ForecastScore]) -> int:
    ForecastScore.objects.bulk_create(made, ignore_conflicts=True, batch_size=500)
    return len(made)


def _due(market: Market) -> list[ForecastScore]:
    """The scores that can be told now and are not stored yet."""
    last = last_moment(market)
    due = Forecast.objects.filter(market=market, as_of__lt=last).select_related("model")
    due = due.annotate(n=Count("scores")).filter(n__lt=len(ml.HORIZONS))
    due = due.filter(as_of__gte=last - LOOK_BACK).order_by("-as_of")
    forecasts = list(due.prefetch_related("scores")[:MOST])
    if not forecasts:
        return []
    first = min(f.as_of for f in forecasts) - dt.timedelta(hours=12)
    frame = price_frame(market, since=first)
    made: list[ForecastScore] = []
    for step in {f.model.step_minutes for f in forecasts}:
        grid = ml.build_grid(frame, step_minutes=step)
        for forecast in (f for f in forecasts if f.model.step_minutes == step):
            made += _score(forecast, grid, last)
    return made


def _score(forecast: Forecast, grid: pd.DataFrame, last: dt.datetime) -> list[ForecastScore]:
    column = _COLUMN[forecast.unit]
    done = {score.steps for score in forecast.scores.all()}
    found = []
    for horizon in forecast.horizons:
        at = dt.datetime.fromisoformat(horizon["at"])
        if horizon["steps"] in done or at >= last or at not in grid.index or column not in grid:
            continue
        actual = float(grid.at[pd.Timestamp(at), column])
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
