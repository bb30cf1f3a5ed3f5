"""Live accuracy: every stored forecast is scored when its moment has passed.

The actual value is read off the same grid that models see: the last quote at or before the target,
if it is fresh enough. A target is scored only when a later quote has come (or it is too old to be
known any more), so that a late quote cannot change a score.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pandas as pd
from django.db.models import Avg, Case, Count, F, FloatField, Value, When
from django.utils import timezone

import ml
from analytics.models import Forecast, ForecastScore, Market
from analytics.selectors.prices import price_frame
from analytics.services.history import last_moment

#: Forecasts that a round looks at, and how far back: what is not known by then stays unknown.
MOST = 2000
LOOK_BACK = dt.timedelta(days=60)
_COLUMN = {"price": "mid", "spread_pct": "spread_pct"}


def forecasts_score(*, market: Market | None = None) -> int:
    """Score every horizon that is due and not scored yet; how many were. Safe to repeat."""
    markets = [market] if market is not None else Market.objects.filter(forecasts__isnull=False)
    return sum(_score_market(one) for one in {m.pk: m for m in markets}.values())


def _score_market(market: Market) -> int:
    last = last_moment(market)
    due = Forecast.objects.filter(market=market, as_of__lt=last).select_related("model")
    due = due.annotate(n=Count("scores")).filter(n__lt=len(ml.HORIZONS))
    due = due.filter(as_of__gte=last - LOOK_BACK).order_by("-as_of")
    forecasts = list(due.prefetch_related("scores")[:MOST])
    if not forecasts:
        return 0
    first = min(f.as_of for f in forecasts) - dt.timedelta(hours=12)
    frame = price_frame(market, since=first)
    made: list[ForecastScore] = []
    for step in {f.model.step_minutes for f in forecasts}:
        grid = ml.build_grid(frame, step_minutes=step)
        for forecast in (f for f in forecasts if f.model.step_minutes == step):
            made += _score(forecast, grid, last)
    ForecastScore.objects.bulk_create(made, ignore_conflicts=True, batch_size=500)
    return len(made)


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
    """Rolling skill and coverage per task and horizon over the last `days`, ready for JSON. Skill
    is the mean error over that of the last value: below 1 is better than doing nothing."""
    since = (now or timezone.now()) - dt.timedelta(days=days)
    rows = (
        ForecastScore.objects.filter(forecast__market=market, target_at__gte=since)
        .values(task=F("forecast__task"), source=F("forecast__source"), horizon=F("steps"))
        .annotate(
            n=Count("pk"),
            mae=Avg("error"),
            naive_mae=Avg("naive_error"),
            mean_crps=Avg("crps"),
            coverage_80=Avg(_as_number("inside_80")),
            coverage_90=Avg(_as_number("inside_90")),
        )
        .order_by("task", "source", "horizon")
    )
    return {
        "market": market.symbol,
        "days": days,
        "horizons": [
            {**row, "skill": row["mae"] / row["naive_mae"] if row["naive_mae"] else None}
            for row in rows
        ],
    }


def _as_number(field: str) -> Case:
    return Case(When(**{field: True}, then=Value(1.0)), default=0.0, output_field=FloatField())
