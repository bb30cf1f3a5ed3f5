"""A backtest for each of many markets, families and windows, asked for at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Unpack

from django.utils.translation import gettext as _

import ml
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import BacktestRun, Market
from analytics.selectors.prices import market_list
from analytics.services.jobs.backtest_plans import PlanAsk
from analytics.services.jobs.backtests import backtest_request
from analytics.services.translate import ml_errors

Window = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, kw_only=True)
class AskedBacktest:
    """`run` is None where none was asked for; `code` and `message` then say why."""

    market: Market
    family: str
    window: Window
    run: BacktestRun | None = None
    code: str = ""
    message: str = ""


def split_window(start: dt.datetime, end: dt.datetime, windows: int) -> list[Window]:
    """So many windows of one length, one after the other. Raises InvalidInput (bad_config)."""
    if windows < 1:
        raise InvalidInput(
            _("A stretch of time cannot be cut into %(n)s windows.") % {"n": windows},
            "bad_config",
            {"windows": _("must be at least 1")},
        )
    bounds = [start + (end - start) * number / windows for number in range(windows + 1)]
    return list(pairwise(bounds))


def backtests_request(
    *,
    task: str,
    windows: Sequence[Window],
    families: Sequence[str] = (),
    markets: Sequence[Market] = (),
    enqueue: bool = True,
    requested_by: Any = None,
    **ask: Unpack[PlanAsk],
) -> Iterator[AskedBacktest]:
    """Ask for a backtest of every market (or of `markets`), by every one of the families (the
    task's own without) on every window, and say what became of each. What is refused stops
    nothing. Raises InvalidInput (unknown_family) before any is asked for."""
    with ml_errors():
        names = [ml.get_spec(task, family).name for family in families or [""]]
    chosen = list(markets) or list(market_list().order_by("pk"))
    return (
        _ask(market, task, family, window, enqueue, requested_by, ask)
        for market in chosen
        for family in dict.fromkeys(names)
        for window in windows
    )


def _ask(
    market: Market,
    task: str,
    family: str,
    window: Window,
    enqueue: bool,
    requested_by: Any,
    ask: PlanAsk,
) -> AskedBacktest:
    ask = {**ask, "family": family}
    asked = AskedBacktest(market=market, family=family, window=window)
    try:
        run = backtest_request(
            market=market,
            task=task,
            start=window[0],
            end=window[1],
            requested_by=requested_by,
            enqueue=enqueue,
            **ask,
        )
    except (Conflict, InvalidInput) as error:
        return AskedBacktest(**vars(asked) | {"code": error.code, "message": _told(error)})
    return AskedBacktest(**vars(asked) | {"run": run})


def _told(error: Conflict | InvalidInput) -> str:
    """With what is wrong of which field."""
    fields = "; ".join(f"{name}: {said}" for name, said in error.fields.items())
    return f"{error.message} ({fields})" if fields else error.message


def backtest_summary(run: BacktestRun) -> dict[str, float | None]:
    """A run in three figures; see `ml.backtest_skill`."""
    return ml.backtest_skill(run.figures)
