"""An anomaly of a kind or severity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Strange
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.wording import moment
from analytics.venues.options import Options, option
from analytics.words import sentence, word

SEVERITIES = ("low", "medium", "high", "critical")
KINDS = (
    *("any", "spike", "level_shift", "spread_blowout", "crossed", "volume_collapse", "stuck"),
    *("drift", "missing_side", "other"),
)
#: Score of the calibrated threshold: what lies below is kept, but is no alarm.
ALARM = 0.1


@dataclass(frozen=True, kw_only=True)
class AnomalyParams(Options):
    """Which anomalies."""

    anomaly: str = option("any", choices=KINDS, help=gettext_lazy("Kind of anomaly."))
    severity: str = option(
        "high", choices=SEVERITIES, help=gettext_lazy("Of this severity or worse.")
    )


def judge(params: AnomalyParams, events: list[Strange]) -> list[Sight]:
    """A sight per event that is meant; an event is told once, however it grows."""
    worst = SEVERITIES[SEVERITIES.index(params.severity) :]
    return [
        Sight(
            at=event.end,
            on=True,
            once=True,
            key=f"anomaly:{event.id}",
            values={
                "event": event.id,
                "kind": event.kind,
                "severity": event.severity,
                "score": event.score,
                "start": event.start.isoformat(),
                "phrases": event.phrases,
                "text": event.text,
            },
        )
        for event in events
        if event.severity in worst
        and params.anomaly in ("any", event.kind)
        and event.score >= ALARM
        and not event.false_alarm
    ]


def words(values: dict[str, Any]) -> str:
    return _("Anomaly (%(severity)s): %(kind)s since %(start)s. %(text)s") % {
        "severity": _SEVERITY[values["severity"]],
        "kind": word(values["kind"]),
        "start": moment(values["start"]),
        "text": sentence(values["phrases"], values["text"]),
    }


_SEVERITY = {
    "low": gettext_lazy("low"),
    "medium": gettext_lazy("medium"),
    "high": gettext_lazy("high"),
    "critical": gettext_lazy("critical"),
}

register(
    RuleKind(
        name="anomaly",
        title=gettext_lazy("Anomaly of a kind or severity"),
        params=AnomalyParams,
        needs=Needs.ANOMALIES,
        moved=Moved.EVENTS,
        judge=judge,
        words=words,
    )
)
