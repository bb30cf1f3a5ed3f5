"""Sums over scored forecasts, in one query for all markets; a Tally turns them into figures."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, F, FloatField, Max, Min, Sum, Value, When
from django.db.models.functions import TruncDay

from analytics.models import ForecastScore, Market


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The scored forecasts of one version at one horizon. Errors are absolute; `cross` is the sum
    of error times the last value's error."""

    market_id: int
    task: str
    source: str
    model_id: int
    step_minutes: int
    steps: int
    n: int
    error: float
    naive: float
    error_squared: float
    naive_squared: float
    cross: float
    crps: float
    inside_80: float
    inside_90: float
    first: dt.datetime
    last: dt.datetime

    def __add__(self, other: Tally) -> Tally:
        """Both together, under the first one's names."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in SUMS}
        ends = {"first": min(self.first, other.first), "last": max(self.last, other.last)}
        return Tally(**{**vars(self), **sums, **ends})

    @property
    def skill(self) -> float | None:
        """Mean error over the last value's: below 1 is better than doing nothing."""
        return self.error / self.naive if self.naive > 0 else None

    @property
    def minutes(self) -> int:
        return self.steps * self.step_minutes

    @property
    def independent(self) -> float:
        """How many of the n tell something of their own: forecasts that share their future count
        once, so no more than the horizon fits into the time between first and last target."""
        apart = (self.last - self.first).total_seconds() / 60 / self.minutes
        return min(self.n, 1 + apart)

    def excess(self, share: float) -> float:
        """How many standard errors the mean error lies above `share` times the last value's."""
        mean = (self.error - share * self.naive) / self.n
        square = self.error_squared - 2 * share * self.cross + share**2 * self.naive_squared
        variance = max(square / self.n - mean**2, 0.0)
        if variance == 0:
            return math.copysign(math.inf, mean) if mean else 0.0
        return mean / math.sqrt(variance / self.independent)


SUMS = (
    *("n", "error", "naive", "error_squared", "naive_squared", "cross", "crps"),
    *("inside_80", "inside_90"),
)


def tallies(
    *, markets: Iterable[int], since: dt.datetime, model_id: int | None = None
) -> list[Tally]:
    """A tally per market, task, source, version and horizon, of targets from `since` on."""
    scores = ForecastScore.objects.filter(forecast__market__in=list(markets), target_at__gte=since)
    if model_id is not None:
        scores = scores.filter(forecast__model=model_id)
    rows = (
        scores.values(
            "steps",
            market_id=F("forecast__market"),
            task=F("forecast__task"),
            source=F("forecast__source"),
            model_id=F("forecast__model"),
            step_minutes=F("forecast__model__step_minutes"),
        )
        .annotate(
            n=Count("pk"),
            error_=Sum("error"),
            naive=Sum("naive_error"),
            error_squared=Sum(F("error") * F("error")),
            naive_squared=Sum(F("naive_error") * F("naive_error")),
            cross=Sum(F("error") * F("naive_error")),
            crps_=Sum("crps"),
            inside_80_=inside_of("inside_80"),
            inside_90_=inside_of("inside_90"),
            first=Min("target_at"),
            last=Max("target_at"),
        )
        .order_by("market_id", "task", "source", "steps", "model_id")
    )
    return [Tally(**{name.rstrip("_"): value for name, value in row.items()}) for row in rows]


def daily(market: Market, task: str, *, since: dt.datetime) -> list[tuple[dt.datetime, Any]]:
    """(day in the active zone, sums over its scored forecasts of `error`, `naive` and those
    `inside` 90 %, and `n`), oldest first, all versions that answered together."""
    scores = ForecastScore.objects.filter(
        forecast__market=market, forecast__task=task, target_at__gte=since
    )
    days = scores.annotate(day=TruncDay("target_at")).values("day")
    rows = days.annotate(
        n=Count("pk"),
        error_=Sum("error"),
        naive=Sum("naive_error"),
        inside=inside_of("inside_90"),
    )
    return [(row["day"], row) for row in rows.order_by("day")]


def merged(found: Iterable[Tally]) -> list[Tally]:
    """The versions of a market, task, source and horizon taken together."""
    whole: dict[tuple[int, str, str, int], Tally] = {}
    for one in found:
        key = (one.market_id, one.task, one.source, one.steps)
        whole[key] = whole[key] + one if key in whole else one
    return list(whole.values())


def inside_of(field: str) -> Sum:
    """How many scores have this flag."""
    one = Case(When(**{field: True}, then=Value(1.0)), default=0.0, output_field=FloatField())
    return Sum(one)
