"""Backtests: asked for, done in the database's name. How a run lives and ends is jobs/lifecycle.py,
the work itself backtest_plans.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Unpack

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import ml
from analytics.conf import conf
from analytics.exceptions import InvalidInput
from analytics.models import BacktestRun, Market, PriceHistory
from analytics.selectors.frames import price_frame
from analytics.selectors.runs import backtest_get
from analytics.services.jobs.backtest_plans import (
    PlanAsk,
    backtest_run_plan,
    plan_key,
    plan_make,
)
from analytics.services.jobs.kinds import JobKind, JobMessages, register
from analytics.services.jobs.lifecycle import (
    job_close,
    job_execute,
    job_listener,
    job_request,
)
from analytics.services.jobs.other_markets import other_quotes
from analytics.services.jobs.processes import this_process
from analytics.services.jobs.training import history_span
from analytics.services.prices.history import last_moment

#: So long after the last target its quotes are read: they tell whether it is an outlier.
JUDGED_BY = dt.timedelta(days=1)
Listener = Callable[["ml.BacktestProgress"], None]
#: The fields of a plan; a run keeps them under the same names.
_PLAN = ("task", "start", "end", "step_minutes", "refit_every", "origin_step", "family", "params")


def backtest_request(
    *,
    market: Market,
    task: str,
    start: dt.datetime,
    end: dt.datetime,
    step_minutes: int | None = None,
    requested_by: Any = None,
    enqueue: bool = True,
    **ask: Unpack[PlanAsk],
) -> BacktestRun:
    """Check what is asked for, insert a queued run and ring the queue's bell.

    Raises InvalidInput (bad_config, unknown_family, not_enough_data, no_history) or Conflict
    (backtest_open).
    """
    plan = plan_make(
        task=task,
        start=start,
        end=end,
        step_minutes=step_minutes or market.cadence_minutes,
        **ask,
    )
    return _queued(market, plan, requested_by, enqueue)


def _queued(
    market: Market, plan: ml.BacktestPlan, requested_by: Any, enqueue: bool = True
) -> BacktestRun:
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
    asked = {name: getattr(plan, name) for name in _PLAN}
    asked |= {"task": str(plan.task), "params": dict(plan.params), "market": market}
    asked |= {"plan_key": plan_key(plan), "quotes_mark": _quotes_mark(market, plan.end)}
    mine = {} if enqueue else {"by_worker": False, **this_process()}
    return job_request(BACKTEST, enqueue=enqueue, requested_by=requested_by, **asked, **mine)


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
    plan = plan_make(**{name: getattr(run, name) for name in _PLAN})
    return _queued(run.market, plan, requested_by)


def _quotes_mark(market: Market, end: dt.datetime) -> str:
    """Changes with every change of the quotes that a backtest to `end` looks at. Those that come
    after its last target is judged change nothing; before, every quote counts."""
    market.refresh_from_db(fields=["rewrites", "revision"])
    later = PriceHistory.objects.filter(market=market, timestamp__gt=end + JUDGED_BY)
    return str(market.rewrites) if later.exists() else f"{market.rewrites}.{market.revision}"


def backtest_known(
    *, market: Market, task: str, start: dt.datetime, end: dt.datetime, **ask: Unpack[PlanAsk]
) -> BacktestRun | None:
    """The latest succeeded run of the same plan on quotes that are what they were, if there is
    one. Raises what `backtest_request` raises for a plan that makes no sense."""
    plan = plan_make(task=task, start=start, end=end, step_minutes=market.cadence_minutes, **ask)
    same = {"plan_key": plan_key(plan), "quotes_mark": _quotes_mark(market, plan.end)}
    done = BacktestRun.objects.filter(market=market, task=task, status="succeeded", **same)
    return done.order_by("-pk").first()


# --------------------------------------------------------------------------------------- the work
def backtest_execute(*, run_id: int, listener: Listener | None = None) -> BacktestRun:
    """Do a queued backtest in this process; see `job_execute`. `listener` is told of every step."""
    return job_execute(BACKTEST, run_id=run_id, listener=listener)


def _backtest(run: BacktestRun, listener: Listener | None) -> None:
    # Rows after the end are no input; they tell whether the last targets are outliers.
    quotes = price_frame(run.market, until=run.end + JUDGED_BY)
    folder = f"run-{run.pk}"
    asked = {name: getattr(run, name) for name in _PLAN}
    plan = ml.BacktestPlan(**asked | {"task": ml.Task(run.task), "family": run.family or None})
    others = other_quotes(
        run.market,
        spec=ml.get_spec(run.task, plan.family),
        config=run.params,
        step_minutes=run.step_minutes,
        until=run.end,
        learned_until=run.start,
    )
    figures = backtest_run_plan(
        quotes,
        plan,
        conf().backtests / folder,
        symbol=run.market.symbol,
        others=others,
        on_progress=job_listener(run, listener, _facts, every=0.5),
    )
    job_close(
        run, status=BacktestRun.Status.SUCCEEDED, figures=figures, folder=folder, progress=1.0
    )


def _facts(progress: ml.BacktestProgress) -> dict[str, Any]:
    done = {"progress": progress.share, "eta_seconds": progress.eta_seconds}
    return {**done, "stage": progress.stage[:60]}


BACKTEST = register(
    JobKind(
        name="backtest",
        model=BacktestRun,
        task_path="analytics.tasks.run_backtest",
        command="backtest",
        log_name="backtest",
        get=backtest_get,
        work=_backtest,
        time_limit=lambda: conf().TRAIN_TIMEOUT,
        twin=("market", "task", "plan_key"),
        twin_code="backtest_open",
        messages=JobMessages(
            twin=gettext_lazy("A %(task)s backtest of %(market)s is already open."),
            closed=gettext_lazy("Backtest %(id)s is already closed."),
            too_often=gettext_lazy("The backtest was started too often."),
            too_long=gettext_lazy("The backtest took longer than %(n)s s."),
            died=gettext_lazy("The process of the backtest died without a word."),
        ),
    )
)
