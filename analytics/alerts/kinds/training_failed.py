"""A training failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Failure
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.retelling import retold
from analytics.venues.options import Options
from analytics.words import word


@dataclass(frozen=True, kw_only=True)
class FailedParams(Options):
    """Nothing to choose."""


def judge(_params: FailedParams, failures: list[Failure]) -> list[Sight]:
    """A sight per run."""
    return [
        Sight(
            at=one.at,
            on=True,
            once=True,
            key=f"run:{one.run_id}",
            values={
                "run": one.run_id,
                "task": one.task,
                "code": one.code,
                "message": one.message[:300],
            },
        )
        for one in failures
    ]


def words(values: dict[str, Any]) -> str:
    return _("Training #%(run)s (%(task)s) failed: %(code)s. %(message)s") % {
        "run": values["run"],
        "task": word(values["task"]),
        "code": values["code"],
        "message": retold(values["message"]),
    }


register(
    RuleKind(
        name="training_failed",
        title=gettext_lazy("Training failed"),
        params=FailedParams,
        needs=Needs.FAILURES,
        moved=Moved.EVENTS,
        judge=judge,
        words=words,
    )
)
