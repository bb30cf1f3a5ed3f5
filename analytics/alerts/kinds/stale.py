"""A market's quotes stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Silence
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.wording import figure, moment
from analytics.venues.options import Options, option


@dataclass(frozen=True, kw_only=True)
class StaleParams(Options):
    """How long a silence is borne."""

    minutes: float = option(
        0.0, low=0, high=43_200, help=gettext_lazy("Minutes of silence; 0: the market's own limit.")
    )


def judge(params: StaleParams, silences: list[Silence]) -> list[Sight]:
    """A sight where a silence passes the limit, and one where the next quote ends it."""
    found = []
    for one in silences:
        minutes = params.minutes or one.limit_minutes
        due = one.last + timedelta(minutes=minutes)
        on = one.until > due
        values = {"last": one.last.isoformat(), "minutes": minutes}
        at, key = (due, f"silent:{one.last.isoformat()}") if on else (one.until, "")
        found.append(Sight(at=at, on=on, clear=not on, values=values, key=key, once=on))
    return found


def words(values: dict[str, Any]) -> str:
    return _("No quote for %(minutes)s minutes; the last one came at %(last)s") % {
        "minutes": figure(values["minutes"]),
        "last": moment(values["last"]),
    }


register(
    RuleKind(
        name="stale",
        title=gettext_lazy("Market stale"),
        params=StaleParams,
        needs=Needs.SILENCES,
        moved=Moved.CLOCK,
        judge=judge,
        words=words,
    )
)
