"""Asking for a backtest. Doing it is services/backtest_runs.py, its states backtest_states.py."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

import ml
from analytics import queue
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import BacktestRun, Market, PriceHistory
from analytics.selectors.runs import backtest_list
from analytics.services.jobs.backtest_states import BACKTEST_TASK, backtest_reap
from analytics.services.jobs.run_states import here
from analytics.services.jobs.training import history_span
from analytics.services.prices.history import last_moment
from analytics.services.translate import ml_errors

_DAYS = re.compile(r"([1-9][0-9]{0,3})\s*d?")


def parse_days(text: str | None) -> dt.timedelta | None:
    """`30d` or `30` as a length of time; nothing as nothing."""
    if not text:
        return None
    found = _DAYS.fullmatch(str(text).strip())
    if found is None:
        raise InvalidInput(
            _("%(text)s is no number of days.") % {"text": repr(text)},
            "bad_config",
            {"refit_every": _("a number of days such as 30d")},
        )
    return dt.timedelta(days=int(found[1]))


def plan_make(
    *,
    task: str,
    start: dt.datetime,
    end: dt.datetime,
    step_minutes: int,
    refit_every: dt.timedelta | None = None,
    origin_step: int = 1,
    params: Mapping[str, Any] | None = None,
) -> ml.BacktestPlan:
    """A checked plan with the whole configuration; raises InvalidInput (bad_config)."""
    with ml_errors():
        plan = ml.BacktestPlan(
            task=ml.Task(task) if task in set(ml.Task) else task,
            start=start,
            end=end,
            step_minutes=step_minutes,
            refit_every=refit_every,
            origin_step=origin_step,
            params=params or {},
        )
        config = ml.make_config(ml.get_spec(str(plan.task)).config, plan.params)
    return dataclasses.replace(plan, params=vars(config))


def backtest_request(
    *,
    market: Market,
    task: str,
    start: dt.datetime,
    end: dt.datetime,
    refit_every: str | None = None,
    origin_step: int = 1,
    params: Mapping[str, Any] | None = None,
    step_minutes: int | None = None,
    requested_by: Any = None,
    enqueue: bool = True,
) -> BacktestRun:
    """Check what is asked for, insert a queued run and ring the queue's bell.

    Raises InvalidInput (bad_config, not_enough_data, no_history) or Conflict (backtest_open).
    """
    plan = plan_make(
        task=task,
        start=start,
        end=end,
        step_minutes=step_minutes or market.cadence_minutes,
        refit_every=parse_days(refit_every),
        origin_step=origin_step,
        params=params,
    )
    _refuse_without_history(market, plan)
    backtest_reap()
    try:
        with transaction.atomic():
            run = BacktestRun.objects.create(
                market=market,
                task=str(plan.task),
                start=plan.start,
                end=plan.end,
                step_minutes=plan.step_minutes,
                refit_every=plan.refit_every,
                origin_step=plan.origin_step,
                params=dict(plan.params),
                requested_by=requested_by,
                by_worker=enqueue,
                **({} if enqueue else here()),
            )
            if enqueue:
                queue.enqueue(BACKTEST_TASK, run.pk)
    except IntegrityError:
        raise _twin(market, task) from None
    return run


def backtest_recent(
    *, market: Market, task: str, days: int = 30, requested_by: Any = None
) -> BacktestRun:
    """Ask for a backtest of the last days that there are quotes of."""
    end = last_moment(market)
    return backtest_request(
        market=market,
        task=task,
        start=end - dt.timedelta(days=days),
        end=end,
        requested_by=requested_by,
    )


def backtest_again(*, run: BacktestRun, requested_by: Any = None) -> BacktestRun:
    """Ask for the same once more; what a failed or cancelled one had done is used."""
    return backtest_request(
        market=run.market,
        task=run.task,
        start=run.start,
        end=run.end,
        refit_every=None if run.refit_every is None else f"{run.refit_every.days}d",
        origin_step=run.origin_step,
        params=run.params,
        step_minutes=run.step_minutes,
        requested_by=requested_by,
    )


def _refuse_without_history(market: Market, plan: ml.BacktestPlan) -> None:
    before = plan.start - dt.timedelta(microseconds=1)
    history_span(market, before, needed=ml.get_spec(str(plan.task)).of_task.min_grid_rows)
    inside = PriceHistory.objects.filter(
        market=market, timestamp__gte=plan.start, timestamp__lte=plan.end
    )
    if not inside.exists():
        raise InvalidInput(
            _("%(market)s has no quotes in that window.") % {"market": market.symbol},
            "no_history",
            {"from": _("no quotes after it")},
        )


def _twin(market: Market, task: str) -> Conflict:
    twin = backtest_list().filter(market=market, task=task, status__in=BacktestRun.OPEN).first()
    return Conflict(
        _("A %(task)s backtest of %(market)s is already open.")
        % {"task": task, "market": market.symbol},
        "backtest_open",
        run_id=twin.pk if twin else None,
    )
