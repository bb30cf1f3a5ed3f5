"""Tries of a tuning: what they are asked for, what came of them; the default and the best of them
face to face."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import ml
from analytics.exceptions import AnalyticsError
from analytics.lazily import pd
from analytics.models import BacktestRun, Market
from analytics.selectors.frames import price_frame
from analytics.services.jobs.backtest_files import backtest_file
from analytics.services.jobs.backtest_plans import plan_make
from analytics.services.jobs.backtests import JUDGED_BY
from analytics.services.translate import ml_errors

#: A two-sided p below this is a difference beyond chance (one-sided 5 %), as for versions.
BEYOND_CHANCE = 0.10
Outcome = Literal["better", "alike", "worse", "untested"]


@dataclass(frozen=True, kw_only=True)
class TuneAsk:
    """What is tuned, on which window, how often. `tried` maps parameters to `LOW..HIGH`, `a,b,c` or
    one value that is kept; where none of them is to be tried, what the family declares is."""

    market: Market
    task: str
    family: str | None = None
    start: dt.datetime
    end: dt.datetime
    trials: int = 20
    seed: int = 0
    tried: Mapping[str, str] = field(default_factory=dict)
    refit_every: str | None = None
    origin_step: int = 1

    def plan(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What is asked of a backtest beside its window."""
        more = {"refit_every": self.refit_every, "origin_step": self.origin_step}
        return {"task": self.task, "family": self.family, "params": params, **more}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """`params` are those that differ between tries. `skill` is the mean CRPS over the horizons, the
    last value's being 1; None where the backtest failed, as its run tells."""

    number: int
    params: Mapping[str, Any]
    run: BacktestRun | None
    skill: float | None
    known: bool = False
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Faced:
    """The default and the best on one window. `p_value` is that of the test of the difference,
    `why` says why there is none where that is no matter of too few rows."""

    default: Trial
    best: Trial
    verdict: Outcome
    p_value: float | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """Trial 0 is the default; `kept` are parameters that every try has. `chosen` is the window that
    was tuned on, `confirmed` the later one, None where none was asked for. Both are None where the
    default is the best of all."""

    family: str
    trials: tuple[Trial, ...]
    kept: Mapping[str, Any] = field(default_factory=dict)
    chosen: Faced | None = None
    confirmed: Faced | None = None

    @property
    def default(self) -> Trial:
        """What the family does by itself."""
        return self.trials[0]

    @property
    def best(self) -> Trial:
        """The trial of the least error, the earliest of equal ones."""
        return min(self.trials, key=lambda trial: _or_worst(trial.skill))


def _or_worst(skill: float | None) -> float:
    return float("inf") if skill is None else skill


def trials_face(
    ask: TuneAsk, default: Trial, best: Trial, start: dt.datetime, end: dt.datetime
) -> Faced:
    """Both on the window that they were measured on, by the test that decides between versions."""
    faced = Faced(default=default, best=best, verdict="untested")
    for trial in (default, best):
        if trial.skill is None:
            return replace(faced, why=trial.why)
    try:
        test = _test(ask, default, best, start, end)
    except AnalyticsError as error:
        # Their files lie on another host, or nothing moved: the figures stand, untested.
        return replace(faced, why=error.message)
    if test.p_value is None:
        return faced
    verdict: Outcome = "alike"
    if test.p_value < BEYOND_CHANCE:
        verdict = "better" if test.difference < 0 else "worse"
    return replace(faced, verdict=verdict, p_value=test.p_value)


def _test(
    ask: TuneAsk, default: Trial, best: Trial, start: dt.datetime, end: dt.datetime
) -> ml.SignificanceTest:
    tables = [_predictions(trial) for trial in (default, best)]
    step = ask.market.cadence_minutes
    plan = plan_make(start=start, end=end, step_minutes=step, **ask.plan({}))
    with ml_errors():
        quotes = price_frame(ask.market, until=end + JUDGED_BY)
        return ml.compare_backtests(*tables, quotes, plan)


def _predictions(trial: Trial) -> pd.DataFrame:
    run: Any = trial.run
    path = backtest_file(run=run, name="predictions")
    return pd.read_csv(path, parse_dates=["origin"])
