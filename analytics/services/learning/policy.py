"""Which versions are to be trained anew, and why; what says no, and what says not yet.

The policy stands here once; docs/operations.md says it in words, analytics.pages.learning for
people. Nothing is changed here: learning.retraining acts on it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from analytics.conf import conf
from analytics.models import Market, PriceHistory, TrainedModel, TrainingRun
from analytics.models.choices import Task
from analytics.selectors.models import model_active
from analytics.selectors.prices import market_list
from analytics.services.registry.expiry import expiry_of

TRAIN, WAIT, NO = "train", "wait", "no"
Reason = TrainingRun.Reason
#: What is more urgent comes first.
_URGENCY = [str(reason) for reason in (Reason.DRIFT, Reason.EXPIRED, Reason.NEW_QUOTES, Reason.AGE)]
#: A training that followed a drift and did not end it is not repeated for so many days.
_DRIFT_AGAIN = dt.timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """`action` is train, wait or no; `code` a stable word for why: a TrainingRun.Reason where it is
    train, else no_quotes, nothing_new, fresh, too_soon, open_run, others_run, not_enough_data.
    `model` is the version that a new one would follow."""

    market: Market
    task: str
    model: TrainedModel
    action: str
    code: str
    figures: dict[str, Any] = field(default_factory=dict)


def retraining_decide(
    *, market: Market | None = None, now: dt.datetime | None = None
) -> list[Decision]:
    """A decision for every market and task that has a version, the most urgent trainings first. As
    many are left to `train` as RETRAIN_AT_ONCE allows beside the trainings that are open, whoever
    asked for those; the others wait."""
    now = now or timezone.now()
    markets = market_list().order_by("pk")
    if market is not None:
        markets = markets.filter(pk=market.pk)
    found = [decision for one in markets for decision in decisions_of(one, now)]
    found.sort(key=lambda one: _URGENCY.index(one.code) if one.action == TRAIN else len(_URGENCY))
    free = conf().RETRAIN_AT_ONCE - TrainingRun.objects.filter(status__in=TrainingRun.OPEN).count()
    decided = []
    for one in found:
        if one.action == TRAIN:
            free -= 1
            if free < 0:
                one = _changed(one, WAIT, "others_run", because=one.code)
        decided.append(one)
    return decided


def _changed(one: Decision, action: str, code: str, **figures: Any) -> Decision:
    return Decision(
        market=one.market,
        task=one.task,
        model=one.model,
        action=action,
        code=code,
        figures={**one.figures, **figures},
    )


def refused(one: Decision, code: str, **figures: Any) -> Decision:
    """The same training after all not asked for."""
    return _changed(one, WAIT if code == "open_run" else NO, code, **figures)


def decisions_of(market: Market, now: dt.datetime) -> Iterator[Decision]:
    """Of a market out of `market_list`, whatever else is being trained."""
    for task in Task.values:
        versions = TrainedModel.objects.filter(market=market, task=task).select_related("run")
        newest = versions.order_by("-version").first()
        if newest is None:
            continue  # the first training is people's decision
        action, code, figures = _of_task(market, task, newest, now)
        yield Decision(
            market=market,
            task=task,
            model=model_active(market.pk, task) or newest,
            action=action,
            code=code,
            figures=figures,
        )


def _of_task(
    market: Market, task: str, newest: TrainedModel, now: dt.datetime
) -> tuple[str, str, dict[str, Any]]:
    last = market.last_quote_at  # type: ignore[attr-defined]
    quiet = dt.timedelta(days=conf().RETRAIN_QUIET_DAYS)
    if last is None or now - last > quiet:
        told = {} if last is None else {"last_quote_at": last.isoformat()}
        return NO, "no_quotes", {**told, "limit_days": conf().RETRAIN_QUIET_DAYS}
    runs = TrainingRun.objects.filter(market=market, task=task).order_by("-pk")
    run = runs.first()
    if run is not None and run.is_open:
        return WAIT, "open_run", {"run_id": run.pk}
    if last <= newest.data_until:
        return NO, "nothing_new", {"last_quote_at": last.isoformat()}
    found = _reason(market, task, newest, last, now)
    pause = dt.timedelta(hours=conf().RETRAIN_PAUSE_HOURS)
    if found is None:
        return NO, "fresh", {"days": _days(now - newest.trained_at)}
    if run is not None and now - run.created_at < pause:
        return WAIT, "too_soon", {"run_id": run.pk, "because": found[0]}
    return TRAIN, *found


def _reason(
    market: Market, task: str, newest: TrainedModel, last: dt.datetime, now: dt.datetime
) -> tuple[str, dict[str, Any]] | None:
    active = model_active(market.pk, task)
    if active is not None and active.drifted_at is not None:
        tried = newest.trained_at > active.drifted_at
        if not tried or now - newest.trained_at > _DRIFT_AGAIN:
            return str(Reason.DRIFT), {"model_id": active.pk, "reasons": active.drift["reasons"]}
    expired = expiry_of(newest, at=last, now=now)
    if expired is not None:
        return str(Reason.EXPIRED), expired
    rows = newest.run.row_count
    since = PriceHistory.objects.filter(market=market, timestamp__gt=newest.data_until).count()
    if since >= conf().RETRAIN_NEW_SHARE * max(rows, 1):
        return str(Reason.NEW_QUOTES), {"new_quotes": since, "trained_on": rows}
    if now - newest.trained_at > dt.timedelta(days=conf().RETRAIN_AGE_DAYS):
        return str(Reason.AGE), {
            "days": _days(now - newest.trained_at),
            "limit_days": conf().RETRAIN_AGE_DAYS,
        }
    return None


def _days(span: dt.timedelta) -> float:
    return round(span.total_seconds() / 86_400, 1)
