"""A price moves by so many percent within so many hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Quotes
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.series import moment_of
from analytics.alerts.wording import figure, name, percent
from analytics.lazily import np
from analytics.venues.options import Options, option


@dataclass(frozen=True, kw_only=True)
class MoveParams(Options):
    """How far, how fast, which way."""

    figure: str = option(
        "price", choices=("price", "bid", "ask"), help=gettext_lazy("What is looked at.")
    )
    percent: float = option(
        2.0, low=0.01, high=1000, help=gettext_lazy("Percent that it moves by.")
    )
    hours: float = option(1.0, low=0.05, high=720, help=gettext_lazy("Within so many hours."))
    direction: str = option(
        "either", choices=("up", "down", "either"), help=gettext_lazy("Which way.")
    )
    hysteresis: float = option(
        25.0,
        low=0,
        high=100,
        help=gettext_lazy("Percent of the move by which it must calm down before it counts anew."),
    )


def judge(params: MoveParams, quotes: Quotes) -> list[Sight]:
    """A sight per quote: the larger of the rise from the lowest and the fall from the highest
    quote of the hours before it."""
    values, at = quotes.figures[params.figure], quotes.at
    found = []
    for k in range(quotes.first, len(at)):
        now = values[k]
        start = int(np.searchsorted(at, at[k] - params.hours * 3600 - 1e-3))
        past = values[start : k + 1]
        past = past[np.isfinite(past)]
        if not np.isfinite(now) or len(past) < 2:
            continue
        moves = {"up": 100 * (now / past.min() - 1), "down": 100 * (now / past.max() - 1)}
        if params.direction != "either":
            moves = {params.direction: moves[params.direction]}
        moved = max(moves.values(), key=abs)
        found.append(_sight(params, float(at[k]), float(now), float(moved)))
    return found


def _sight(params: MoveParams, at: float, now: float, moved: float) -> Sight:
    facts = {"figure": params.figure, "value": now, "moved": moved, "hours": params.hours}
    return Sight(
        at=moment_of(at),
        on=abs(moved) >= params.percent,
        clear=abs(moved) < params.percent * (1 - params.hysteresis / 100),
        values=facts,
    )


def words(values: dict[str, Any]) -> str:
    return _("%(figure)s %(value)s: %(moved)s within %(hours)s h") % {
        "figure": name(values["figure"]),
        "value": figure(values["value"]),
        "moved": percent(values["moved"]),
        "hours": figure(values["hours"]),
    }


register(
    RuleKind(
        name="move",
        title=gettext_lazy("Move of x percent in y hours"),
        params=MoveParams,
        needs=Needs.QUOTES,
        moved=Moved.QUOTES,
        judge=judge,
        words=words,
        look_back=lambda params: timedelta(hours=params.hours),
    )
)
