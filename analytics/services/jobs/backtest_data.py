"""A backtest of files, without the database: the quotes come from them, and no row is kept."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from django.utils.translation import gettext as _

import ml
from analytics.conf import conf
from analytics.exceptions import AnalyticsError, InvalidInput
from analytics.services.jobs.backtest_runs import backtest_deliver, backtest_files
from analytics.services.jobs.backtesting import parse_days, plan_make
from analytics.services.prices.files import read_price_file
from analytics.services.translate import ml_errors

_UNNAMED = "DATA/DATA@file"


def backtest_of_files(
    *,
    paths: Sequence[Path],
    market: str | None,
    task: str,
    start: dt.datetime,
    end: dt.datetime,
    predictions: Path | None,
    report: Path | None,
    refit_every: str | None = None,
    origin_step: int = 1,
    step_minutes: int | None = None,
    params: Mapping[str, Any] | None = None,
    on_progress: Callable[[ml.BacktestProgress], None] = lambda progress: None,
) -> list[dict[str, Any]]:
    """Run a backtest on quote files and deliver its files; answers the figures."""
    symbol, quotes = quotes_of_files(paths, market)
    before = quotes.index[quotes.index < pd.Timestamp(start)]
    plan = plan_make(
        task=task,
        start=start,
        end=end,
        step_minutes=step_minutes or ml.infer_step_minutes(before),
        refit_every=parse_days(refit_every),
        origin_step=origin_step,
        params=params,
    )

    def listen(progress: ml.BacktestProgress) -> bool:
        on_progress(progress)
        return True

    conf().backtests.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="file-", dir=conf().backtests))
    try:
        with ml_errors():
            title = f"Backtest of {symbol}, {plan.task}"
            figures = backtest_files(quotes, plan, folder, title=title, on_progress=listen)
        backtest_deliver(folder, predictions=predictions, report=report)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return figures


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
        return read_price_file(path).rows
    except AnalyticsError as error:
        if error.code != "market_required":
            raise
    return read_price_file(path, market=market or _UNNAMED).rows
