"""A price or the spread crosses a level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import FIGURES, Quotes
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.series import against, moment_of
from analytics.alerts.wording import figure, name, side
from analytics.venues.options import Options, option


@dataclass(frozen=True, kw_only=True)
class LevelParams(Options):
    """The level and the side of it that is told."""

    figure: str = option("price", choices=FIGURES, help=gettext_lazy("What is looked at."))
    direction: str = option(
        "above", choices=("above", "below"), help=gettext_lazy("On which side it is told.")
    )
    level: float | None = option(
        None, low=-1e12, high=1e12, help=gettext_lazy("The level, in the figure's own unit.")
    )
    hysteresis: float = option(
        0.2,
        low=0,
        high=50,
        help=gettext_lazy("Percent of the level by which it must come back before it counts anew."),
    )

    def problems(self) -> dict[str, str]:
        return {} if self.level is not None else {"level": _("must be given: a number")}


def judge(params: LevelParams, quotes: Quotes) -> list[Sight]:
    """A sight per quote."""
    values = quotes.figures[params.figure]
    level = float(params.level or 0)
    facts = {"figure": params.figure, "direction": params.direction, "level": level}
    rows = (
        (moment_of(quotes.at[k]), values[k], {**facts, "value": float(values[k])})
        for k in range(quotes.first, len(quotes.at))
    )
    band = abs(level) * params.hysteresis / 100
    return against(rows, direction=params.direction, level=level, band=band)


def words(values: dict[str, Any]) -> str:
    return _("%(figure)s %(value)s is %(side)s %(level)s") % {
        "figure": name(values["figure"]),
        "value": figure(values["value"]),
        "side": side(values["direction"]),
        "level": figure(values["level"]),
    }


register(
    RuleKind(
        name="level",
        title=gettext_lazy("Price or spread across a level"),
        params=LevelParams,
        needs=Needs.QUOTES,
        moved=Moved.QUOTES,
        judge=judge,
        words=words,
        crossing=True,
    )
)
