"""Live accuracy: every stored forecast is scored when its moment has passed.

The actual value is read off the same grid that models see: the last quote at or before the target,
if it is fresh enough. A target is scored only when a later quote has come (or it is too old to be
known any more), so that a late quote cannot change a score.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

import ml
from analytics.lazily import np, pd
from analytics.models import Forecast, ForecastScore, Market, TrainedModel
from analytics.models.direct import fetch, insert_missing, moment
from analytics.selectors.accuracy import Tally, merged, tallies
from analytics.selectors.models import model_active
from analytics.selectors.recent import later_quotes
from analytics.services.forecasts.drift import drift_of
from analytics.services.prices.history import last_moment
from analytics.services.prices.unchanged import Work, keep_unchanged

#: Forecasts that a round looks at, and how far back: what is not known by then stays unknown.
MOST = 2000
LOOK_BACK = dt.timedelta(days=60)
FORECAST_TASKS = tuple(str(task) for task, spec in ml.TASKS.items() if spec.horizons)
_COLUMN = {"price": "mid", "spread_pct": "spread_pct"}


def forecasts_score(*, market: Market | None = None, since: dt.datetime | None = None) -> int:
    """Score every horizon that is due and not scored yet; how many were. Safe to repeat. `since`:
    only of forecasts that were made from then on, which costs the same however many there are."""
    markets = [market] if market is not None else Market.objects.filter(forecasts__isnull=False)
    works = [
        (one, scores_work(market=one, since=since)) for one in {m.pk: m for m in markets}.values()
    ]
    return sum(keep_unchanged(one, work)[1] or 0 for one, work in works)


def scores_work(*, market: Market, since: dt.datetime | None) -> Work[list[ForecastScore], int]:
    """The scores of one market that are due, to be stored."""
    return Work(lambda: _due(market, since), _keep, bool)


def _keep(made: list[ForecastScore]) -> int:
    insert_missing(ForecastScore, made)
    return len(made)


@dataclass(frozen=True)
class _Due:
    """A forecast of which a horizon is over; `done`: the steps that are scored."""

    pk: int
    unit: str
    as_of: dt.datetime
    last_value: float
    horizons: list[dict[str, Any]]
    step_minutes: int
    done: Collection[int]


def _due(market: Market, since: dt.datetime | None) -> list[ForecastScore]:
    """The scores that can be told now and are not stored yet."""
    last = last_moment(market)
    forecasts = _unscored(market, last, max(since or last - LOOK_BACK, last - LOOK_BACK))
    if not forecasts:
        return []
    first = min(forecast.as_of for forecast in forecasts) - dt.timedelta(hours=12)
    frame = later_quotes(market, since=first, until=last)
    made: list[ForecastScore] = []
    for step in {forecast.step_minutes for forecast in forecasts}:
        own = [forecast for forecast in forecasts if forecast.step_minutes == step]
        made += _scores(own, frame, last, step)
    return made


_FORECAST, _SCORE = Forecast._meta.db_table, ForecastScore._meta.db_table
#: Said too, though no other task has forecasts: the index is by market, task and moment.
_TASKS = ", ".join(f"'{task}'" for task in FORECAST_TASKS)
_OPEN = f"""
SELECT f.id, f.as_of, count(s.id), m.step_minutes
FROM {_FORECAST} f JOIN {TrainedModel._meta.db_table} m ON m.id = f.model_id
LEFT JOIN {_SCORE} s ON s.forecast_id = f.id
WHERE f.market_id = %s AND f.task IN ({_TASKS}) AND f.as_of < %s AND f.as_of >= %s
GROUP BY f.id, f.as_of, m.step_minutes HAVING count(s.id) < %s
ORDER BY f.as_of DESC LIMIT %s"""  # noqa: S608
_TOLD = f"SELECT id, unit, as_of, last_value, horizons FROM {_FORECAST}"  # noqa: S608


def _unscored(market: Market, last: dt.datetime, since: dt.datetime) -> list[_Due]:
    """Forecasts made from `since` on of which more horizons are over than are scored; newest
    first. Most wait for their next horizon: what they said is not read."""
    steps = {
        pk: step
        for pk, as_of, n, step in fetch(_OPEN, [market.pk, last, since, len(ml.HORIZONS), MOST])
        if moment(as_of) + dt.timedelta(minutes=ml.HORIZONS[n] * step) < last
    }
    if not steps:
        return []
    keys = list(steps)
    among = f"IN ({', '.join(['%s'] * len(keys))})"
    done: dict[int, set[int]] = {pk: set() for pk in keys}
    scored = f"SELECT forecast_id, steps FROM {_SCORE} WHERE forecast_id {among}"  # noqa: S608
    for pk, scored_steps in fetch(scored, keys):
        done[pk].add(scored_steps)
    told = fetch(f"{_TOLD} WHERE id {among} ORDER BY as_of DESC", keys)
    return [
        _Due(pk, unit, moment(as_of), last_value, json.loads(said), steps[pk], done[pk])
        for pk, unit, as_of, last_value, said in told
    ]


def _scores(
    forecasts: list[_Due], frame: pd.DataFrame, last: dt.datetime, step_minutes: int
) -> list[ForecastScore]:
    """Of forecasts of one grid, by what the quotes were at the moments they spoke of."""
    asked = []
    for forecast in forecasts:
        for horizon in forecast.horizons:
            at = dt.datetime.fromisoformat(horizon["at"])
            if horizon["steps"] not in forecast.done and at < last:
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
    forecast: _Due, horizon: dict[str, Any], at: dt.datetime, actual: float
) -> ForecastScore:
    levels = {float(level): value for level, value in horizon["quantiles"].items()}
    # Twice the mean pinball loss over the levels approximates the CRPS (Gneiting & Ranjan 2011).
    pinball = [max(p * (actual - q), (p - 1) * (actual - q)) for p, q in levels.items()]
    return ForecastScore(
        forecast_id=forecast.pk,
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
