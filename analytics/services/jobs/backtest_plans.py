"""A backtest without the database: its plan, and the plan done on a frame of quotes. The files that
it leaves are those of backtest_files.py.

The work folder is named after the plan, and stays until the backtest has succeeded: whoever asks
for the same again after a kill goes on where it was.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict, Unpack

from django.utils.translation import gettext as _

import ml
from analytics.conf import conf
from analytics.exceptions import AnalyticsError, Conflict, InvalidInput
from analytics.lazily import pd
from analytics.services.jobs.backtest_files import (
    PREDICTIONS,
    BacktestParts,
    Delivery,
    backtest_deliver,
    chart_words,
    parts_of,
)
from analytics.services.prices import reading as reader
from analytics.services.prices.reading import ReadOptions
from analytics.services.translate import ml_errors

_WORK = "work-"
_KEEP_WORK_SECONDS = 14 * 86_400
_DAYS = re.compile(r"([1-9][0-9]{0,3})\s*d?")
_UNNAMED = "DATA/DATA@file"


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


class PlanAsk(TypedDict, total=False):
    """What may be asked of a backtest beside its task and its window: days between two fits (30 or
    30d), steps between two origins, and the family (the task's own by default) with parameters."""

    refit_every: str | dt.timedelta | None
    origin_step: int
    family: str | None
    params: Mapping[str, Any] | None


def plan_make(
    *, task: str, start: dt.datetime, end: dt.datetime, step_minutes: int, **ask: Unpack[PlanAsk]
) -> ml.BacktestPlan:
    """A checked plan with the whole configuration and the family's name; raises InvalidInput
    (bad_config, unknown_family)."""
    every = ask.get("refit_every")
    with ml_errors():
        plan = ml.BacktestPlan(
            task=ml.Task(task) if task in set(ml.Task) else task,
            start=start,
            end=end,
            step_minutes=step_minutes,
            refit_every=every if isinstance(every, dt.timedelta) else parse_days(every),
            origin_step=ask.get("origin_step", 1),
            family=ask.get("family") or None,
            params=ask.get("params") or {},
        )
        spec = ml.get_spec(str(plan.task), plan.family)
        config = ml.make_config(spec.config, plan.params)
    return dataclasses.replace(plan, family=spec.name, params=vars(config))


def plan_key(plan: ml.BacktestPlan) -> str:
    """What a plan is known by, whatever market it is for."""
    key = json.dumps(plan.as_json(), sort_keys=True, default=str)
    return hashlib.sha256(key.encode()).hexdigest()


def backtest_run_plan(
    quotes: pd.DataFrame,
    plan: ml.BacktestPlan,
    folder: Path,
    *,
    symbol: str,
    others: Mapping[str, pd.DataFrame] | None = None,
    on_progress: Callable[[ml.BacktestProgress], bool],
) -> list[dict[str, Any]]:
    """Run a plan on a quotes frame; predictions and report go to `folder`, the figures are
    answered. `others` are quotes of other markets, for a family that learns from several: files
    have none. Raises what `ml.run_backtest` raises, or Conflict (backtest_open)."""
    key = json.dumps(
        [f"Backtest of {symbol}, {plan.task}", plan.as_json()], sort_keys=True, default=str
    )
    name = f"{_WORK}{hashlib.sha256(key.encode()).hexdigest()[:20]}"
    work = conf().backtests / name
    with work_folder(work):
        forecasts = ml.run_backtest(
            quotes,
            plan,
            work / "plan",
            others=others,
            device=conf().DEVICE or None,
            on_progress=on_progress,
        )
        ml.write_predictions(forecasts, folder / PREDICTIONS)
        learns = ml.get_spec(str(plan.task), plan.family).panel
        figures = ml.report_backtest(
            forecasts,
            quotes,
            plan,
            folder,
            market=symbol,
            words=chart_words(),
            others=ml.markets_learned_from(work / "plan") if learns else None,
        )
        shutil.rmtree(work, ignore_errors=True)
    _sweep()
    return figures


@contextmanager
def work_folder(work: Path) -> Iterator[None]:
    """The folder for one process at a time: two would write over each other. Raises Conflict
    (backtest_open) where another one is in it."""
    import fcntl

    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(_("This very backtest is running already."), "backtest_open") from None
        yield


def _sweep() -> None:
    """Work folders that nobody came back for, and what a killed backtest of files left."""
    limit = time.time() - _KEEP_WORK_SECONDS
    for folder in [*conf().backtests.glob(f"{_WORK}*"), *conf().backtests.glob("file-*")]:
        if folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)


def backtest_of_files(
    *,
    paths: Sequence[Path],
    market: str | None,
    task: str,
    start: dt.datetime,
    end: dt.datetime,
    step_minutes: int | None = None,
    files: Delivery | None = None,
    on_progress: Callable[[ml.BacktestProgress], None] = lambda progress: None,
    **ask: Unpack[PlanAsk],
) -> BacktestParts:
    """Run a backtest on quote files and deliver its files; answers what its report is made of."""
    symbol, quotes = quotes_of_files(paths, market)
    before = quotes.index[quotes.index < pd.Timestamp(start)]
    plan = plan_make(
        task=task,
        start=start,
        end=end,
        step_minutes=step_minutes or ml.infer_step_minutes(before),
        **ask,
    )

    def listen(progress: ml.BacktestProgress) -> bool:
        on_progress(progress)
        return True

    conf().backtests.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="file-", dir=conf().backtests) as made:
        folder = Path(made)
        with ml_errors():
            backtest_run_plan(quotes, plan, folder, symbol=symbol, on_progress=listen)
        backtest_deliver(folder, files or Delivery())
        return parts_of(folder)


def quotes_of_files(paths: Sequence[Path], market: str | None) -> tuple[str, pd.DataFrame]:
    """(symbol, quotes frame) of one market in some files, merged as an import would merge them."""
    rows = pd.concat([_rows(path, market) for path in paths], ignore_index=True)
    symbols = list(pd.unique(rows["symbol"]))
    if market is not None:
        symbols = [s for s in symbols if market.lower() in (s.lower(), s.split("@")[0].lower())]
    if len(symbols) != 1:
        raise InvalidInput(
            _("Say which market of the files."),
            "market_required",
            {"market": _("choose one of: %(names)s") % {"names": ", ".join(symbols) or "-"}},
        )
    own = rows[rows["symbol"] == symbols[0]]
    frame = own.groupby("timestamp", sort=True)[list(ml.QUOTE_COLUMNS)].last().astype("float64")
    frame.index = pd.DatetimeIndex(frame.index).as_unit("ns")
    return symbols[0], frame.dropna(axis="columns", how="all")


def _rows(path: Path, market: str | None) -> pd.DataFrame:
    """A file that names its markets is read as it is; another belongs to `market`."""
    try:
        return reader.read_quotes(path).frame()
    except AnalyticsError as error:
        if error.code != "market_required":
            raise
    return reader.read_quotes(path, ReadOptions(market=market or _UNNAMED)).frame()
