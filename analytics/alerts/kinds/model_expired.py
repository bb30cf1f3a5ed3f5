"""The version that answers is too old: by the server's own limits, or by the rule's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Version
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.wording import moment
from analytics.venues.options import Options, option
from analytics.words import word


@dataclass(frozen=True, kw_only=True)
class ExpiredParams(Options):
    """How old it may be."""

    days: int | None = option(
        None,
        low=1,
        high=3650,
        help=gettext_lazy(
            "Days since the last quote it learnt from; empty: when the server takes it for expired."
        ),
    )


def judge(params: ExpiredParams, versions: list[Version]) -> list[Sight]:
    """A sight per active version."""
    return [
        Sight(
            at=one.now,
            on=(on := _too_old(params, one)),
            clear=not on,
            subject=f"version:{one.id}",
            key="expired",
            values={
                "task": one.task,
                "version": one.number,
                "data_until": one.data_until.isoformat(),
            },
        )
        for one in versions
    ]


def _too_old(params: ExpiredParams, one: Version) -> bool:
    if params.days is None:
        return one.expired
    return one.now - one.data_until > timedelta(days=params.days)


def words(values: dict[str, Any]) -> str:
    return _(
        "Version %(version)s (%(task)s) has expired: it learnt from quotes until %(until)s"
    ) % {
        "version": values["version"],
        "task": word(values["task"]),
        "until": moment(values["data_until"]),
    }


register(
    RuleKind(
        name="model_expired",
        title=gettext_lazy("Model expired"),
        params=ExpiredParams,
        needs=Needs.VERSIONS,
        moved=Moved.CLOCK,
        judge=judge,
        words=words,
        pause=timedelta(minutes=10),
        untried=gettext_lazy("It depends on the versions that answer now."),
    )
)
