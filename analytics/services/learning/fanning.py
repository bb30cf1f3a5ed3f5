"""One training for each of many markets and tasks, asked for at once; the queue's workers share
them out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import Market
from analytics.models.choices import Task
from analytics.selectors.prices import market_list
from analytics.services.jobs.training import training_request
from analytics.services.learning.policy import TRAIN, Decision, decisions_of


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`run_id` is None where no training was asked for; `message` then says why: a refusal's own
    sentence, or nothing where the policy (`code`, `figures`) leaves the version as it is."""

    market: Market
    task: str
    run_id: int | None = None
    code: str = ""
    message: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


def trainings_request(
    *,
    market: Market | None = None,
    tasks: Sequence[str] = (),
    family: str | None = None,
    stale_only: bool = False,
    requested_by: Any = None,
    now: dt.datetime | None = None,
) -> Iterator[Asked]:
    """Queue a training of every task (or of `tasks`) for every market (or `market`), and say what
    became of each. What is refused stops nothing. With `family` only the tasks that it is for.
    `stale_only` leaves what the retraining policy leaves, and takes what was never trained.
    Raises InvalidInput (unknown_family) where the family is for none of them."""
    wanted = _tasks(tasks, family)
    chosen = market_list().order_by("pk")
    if market is not None:
        chosen = chosen.filter(pk=market.pk)
    return _each(list(chosen), wanted, family, stale_only, requested_by, now or timezone.now())


def _tasks(tasks: Sequence[str], family: str | None) -> list[str]:
    wanted = [task for task in Task.values if not tasks or task in tasks]
    if family is None:
        return wanted
    found = [t for t in wanted if family in {spec.name for spec in ml.list_specs(t)}]
    if not found:
        known = ", ".join(sorted({spec.name for t in wanted for spec in ml.list_specs(t)}))
        raise InvalidInput(
            _("There is no family %(family)s for %(task)s; there are: %(names)s.")
            % {"family": family, "task": ", ".join(wanted), "names": known},
            "unknown_family",
            {"family": _("must be one of: %(names)s") % {"names": known}},
        )
    return found


def _each(
    markets: list[Market],
    tasks: list[str],
    family: str | None,
    stale_only: bool,
    requested_by: Any,
    now: dt.datetime,
) -> Iterator[Asked]:
    for market in markets:
        said = {one.task: one for one in decisions_of(market, now)} if stale_only else {}
        for task in tasks:
            left = _left(said.get(task))
            yield left or _ask(market, task, family, requested_by)


def _left(decision: Decision | None) -> Asked | None:
    """What the policy leaves; None where it would train, or has nothing to say."""
    if decision is None or decision.action == TRAIN:
        return None
    return Asked(
        market=decision.market,
        task=decision.task,
        code=decision.code,
        figures=decision.figures,
    )


def _ask(market: Market, task: str, family: str | None, requested_by: Any) -> Asked:
    try:
        run = training_request(
            market=market, task=task, family=family, params={}, requested_by=requested_by
        )
    except (Conflict, InvalidInput) as error:
        return Asked(market=market, task=task, code=error.code, message=error.message)
    return Asked(market=market, task=task, run_id=run.pk)
