"""The version that answers does not do any more what it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Drift
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.venues.options import Options
from analytics.words import word


@dataclass(frozen=True, kw_only=True)
class DriftParams(Options):
    """Nothing to choose: what counts as drift is said in docs/operations.md."""


def judge(_params: DriftParams, drifts: list[Drift]) -> list[Sight]:
    """A sight per active version."""
    return [
        Sight(
            at=one.now,
            on=one.drifted,
            clear=not one.drifted,
            subject=f"version:{one.id}",
            values={"task": one.task, "version": one.number, "reasons": list(one.reasons)},
        )
        for one in drifts
    ]


def words(values: dict[str, Any]) -> str:
    return _("Version %(version)s (%(task)s) is drifting: %(reasons)s") % {
        "version": values["version"],
        "task": word(values["task"]),
        "reasons": ", ".join(values["reasons"]),
    }


register(
    RuleKind(
        name="model_drifting",
        title=gettext_lazy("Model drifting"),
        params=DriftParams,
        needs=Needs.DRIFT,
        moved=Moved.CLOCK,
        judge=judge,
        words=words,
        pause=timedelta(minutes=30),
        untried=gettext_lazy(
            "Drift is judged on the scored forecasts of the last 30 days; earlier judgements are "
            "not kept."
        ),
    )
)
