"""LightGBM and the project's own models on the same file, window, rows and figures.

python -m bench.forecast FILE [FILE ...] --window 2025-10-01..2025-12-31T23:30
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from bench.common import read_quotes, say
from bench.lightgbm_peer import lightgbm_backtest
from ml.evaluation.backtest import run_backtest
from ml.evaluation.plan import BacktestPlan, write_predictions
from ml.evaluation.scores import Rows, score_rows, score_table
from ml.forecast.metrics import crps
from ml.spec import DEFAULT_STEP_MINUTES
from ml.stats import BLOCK_DAYS, block_draws
from ml.tasks import Task

_DRAWS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--window", required=True, metavar="A..B", help="UTC; a date is 0 h")
    parser.add_argument("--step", type=int, default=DEFAULT_STEP_MINUTES)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--tune", action="store_true", help="Choose LightGBM's settings on the month before."
    )
    parser.add_argument("--keep", type=Path, help="Folder for the predictions of both.")
    parser.add_argument("--family", help="Of our own forecasters, instead of the default ones.")
    options = parser.parse_args()
    quotes = read_quotes(options.data, ("bid", "ask", "price"))
    start, end = (_moment(text) for text in options.window.split(".."))
    tasks = [Task.PRICE, *([Task.SPREAD] if {"bid", "ask"} <= set(quotes) else [])]
    pairs = []
    for task in tasks:
        plan = BacktestPlan(
            task=task, start=start, end=end, step_minutes=options.step, family=options.family
        )
        pairs += _both(quotes, plan, options)
    ratio, low, high = geometric_mean(pairs)
    say(
        f"geometric mean of CRPS / CRPS(LightGBM) over {len(pairs)} cells: "
        f"{ratio:.3f} ({low:.3f} .. {high:.3f})"
    )


def _moment(text: str) -> dt.datetime:
    return pd.Timestamp(text).tz_localize("UTC").to_pydatetime()


def _both(
    quotes: pd.DataFrame, plan: BacktestPlan, options: argparse.Namespace
) -> list[tuple[Rows, Rows]]:
    """The rows of the project and of LightGBM, by horizon; prints both tables."""
    found = []
    with tempfile.TemporaryDirectory() as work:
        runners: dict[str, Callable[[], pd.DataFrame]] = {
            "paralelo": lambda: run_backtest(quotes, plan, work, device="cpu"),
            "lightgbm": lambda: lightgbm_backtest(
                quotes, plan, threads=options.threads, tune=options.tune
            ),
        }
        for name, run in runners.items():
            wall, cpu = time.perf_counter(), time.process_time()
            forecasts = run()
            spent = time.perf_counter() - wall, time.process_time() - cpu
            if options.keep is not None:
                write_predictions(forecasts, options.keep / f"{plan.task}-{name}.csv.gz")
            found.append(score_rows(forecasts, quotes, plan))
            say(f"{plan.task} {name}: {spent[0]:.0f} s, {spent[1]:.0f} CPU s")
            _table(found[-1])
    return list(zip(*found, strict=True))


def _table(found: list[Rows]) -> None:
    lines = pd.DataFrame([line for line in score_table(found) if line["set"] == "clean"])
    names = ["h", "n", "mae", "skill", "skill_ci95", "crps_skill", "crps_skill_ci95"]
    names += ["cov80", "cov80_ci95", "cov90", "cov90_ci95", "width80"]
    for name in names:
        if name.endswith("_ci95"):
            lines[name] = [f"{low:.3f}..{high:.3f}" for low, high in lines[name]]
    say(lines[names].to_string(index=False, float_format=lambda x: f"{x:.4f}"))


def geometric_mean(pairs: list[tuple[Rows, Rows]]) -> tuple[float, float, float]:
    """Mean over the cells of CRPS over LightGBM's on the same clean rows, with its 95 % interval;
    a draw of days is the same for all cells."""
    sums = [_daily(own, peer) for own, peer in pairs]
    days = sorted(set().union(*(set(s.index) for s in sums)))
    tables = np.stack([s.reindex(days, fill_value=0.0).to_numpy() for s in sums])  # cell, day, who
    drawn = block_draws(
        len(days),
        block=min(BLOCK_DAYS, len(days)),
        draws=_DRAWS,
        rng=np.random.default_rng(0),
    )
    total = tables[:, drawn].sum(axis=2)  # cell, draw, who
    means = np.exp(np.log(total[..., 0] / total[..., 1]).mean(axis=0))
    whole = tables.sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(np.exp(np.log(whole[:, 0] / whole[:, 1]).mean())), float(low), float(high)


def _daily(own: Rows, peer: Rows) -> pd.DataFrame:
    """CRPS summed by day, of both, on the rows that both answer."""
    table = pd.DataFrame(
        {
            name: pd.Series(crps(rows.model[1], rows.truth), index=rows.origins)[rows.kept["clean"]]
            for name, rows in (("own", own), ("peer", peer))
        }
    ).dropna()
    return table.groupby(table.index.floor("D")).sum()


if __name__ == "__main__":
    main()
