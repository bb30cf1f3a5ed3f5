"""The watch cannot score a market's newest quotes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Watch
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.wording import figure
from analytics.venues.options import Options, option


@dataclass(frozen=True, kw_only=True)
class WatchParams(Options):
    """How far the watch may lag."""

    minutes: float = option(
        60.0, low=1, high=43_200, help=gettext_lazy("Minutes that it may lag behind the quotes.")
    )


def judge(params: WatchParams, watches: list[Watch]) -> list[Sight]:
    """A sight per market that has a detector."""
    found = []
    for one in watches:
        behind = None
        if one.scored_until is not None:
            behind = (one.last_quote_at - one.scored_until).total_seconds() / 60
        on = behind is None or behind > params.minutes
        values = {"behind": behind, "needed": one.needed, "present": one.present}
        found.append(Sight(at=one.now, on=on, clear=not on, values=values))
    return found


def words(values: dict[str, Any]) -> str:
    if values["needed"]:
        return _("The watch cannot score: %(present)s of %(needed)s readings are there") % {
            "present": values["present"],
            "needed": values["needed"],
        }
    if values["behind"] is None:
        return _("The watch has not scored any quote yet")
    return _("The watch is %(minutes)s minutes behind the quotes") % {
        "minutes": figure(values["behind"])
    }


register(
    RuleKind(
        name="watch_unable",
        title=gettext_lazy("Watch not able to score"),
        params=WatchParams,
        needs=Needs.WATCH,
        moved=Moved.CLOCK,
        judge=judge,
        words=words,
        untried=gettext_lazy("Only how far the watch is now is kept, not how far it was."),
    )
)
