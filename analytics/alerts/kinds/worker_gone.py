"""The worker shows no sign of life, or its supervisor had to restart it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Workers
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.wording import figure, moment
from analytics.venues.options import Options, option


@dataclass(frozen=True, kw_only=True)
class WorkerParams(Options):
    """How long its silence is borne."""

    minutes: float = option(
        3.0, low=0.5, high=1440, help=gettext_lazy("Minutes without a sign of life.")
    )
    restarts: bool = option(
        True, help=gettext_lazy("Also tell when the supervisor restarted a wedged cluster.")
    )


def judge(params: WorkerParams, found: Workers) -> list[Sight]:
    """A sight of the newest worker, and one per restart."""
    silent = None
    if found.last_seen is not None:
        silent = (found.now - found.last_seen).total_seconds() / 60
    on = silent is None or silent > params.minutes
    last = found.last_seen.isoformat() if found.last_seen else None
    values = {"what": "gone", "last": last, "minutes": params.minutes}
    sights = [Sight(at=found.now, on=on, clear=not on, values=values)]
    if params.restarts:
        sights += [
            Sight(
                at=found.now,
                on=True,
                once=True,
                key=f"{name}:{count}",
                values={"what": "restarted", "name": name.split(" ")[0], "count": count},
            )
            for name, count in found.restarts.items()
            if count
        ]
    return sights


def words(values: dict[str, Any]) -> str:
    if values["what"] == "restarted":
        return _("The supervisor restarted the cluster of worker %(name)s (%(count)s so far)") % {
            "name": values["name"],
            "count": values["count"],
        }
    if values["last"] is None:
        return _("No worker is running")
    return _(
        "The worker is gone: no sign of life for %(minutes)s minutes, the last at %(last)s"
    ) % {
        "minutes": figure(values["minutes"]),
        "last": moment(values["last"]),
    }


register(
    RuleKind(
        name="worker_gone",
        title=gettext_lazy("Worker gone"),
        params=WorkerParams,
        needs=Needs.WORKERS,
        moved=Moved.CLOCK,
        judge=judge,
        words=words,
        of_market=False,
        untried=gettext_lazy("Only the worker's last sign of life is kept."),
    )
)
