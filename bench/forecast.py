"""LightGBM and the project's own models on the same file, window, rows and figures.

python -m bench.forecast FILE [FILE ...] --window 2025-10-01..2025-12-31T23:30
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from bench.lightgbm_peer import lightgbm_backtest
from ml.evaluation.backtest import run_backtest
from ml.evaluation.plan import BacktestPlan, write_predictions
from ml.evaluation.scores import Rows, score_rows, score_table
from ml.forecast.metrics import crps
from ml.spec import DEFAULT_STEP_MINUTES
from ml.tasks import Task

_NAMES = {"bid_price": "bid", "ask_price": "ask", "close": "price", "value": "price"}
_BLOCK_DAYS, _DRAWS = 5, 2000


def read_quotes(paths: list[Path]) -> pd.DataFrame:
    """Quote, candle or value files of one market as a quotes frame."""
    raw = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    raw = raw.rename(columns=_NAMES)
    raw["timestamp"] = pd.to_datetime(raw["timestamp"], utc=True).dt.as_unit("ns")
    columns = [c for c in ("bid", "ask", "price") if c in raw]
    return raw.groupby("timestamp", sort=True)[columns].last()


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
    options = parser.parse_args()
    quotes = read_quotes(options.data)
    start, end = (_moment(text) for text in options.window.split(".."))
    tasks = [Task.PRICE, *([Task.SPREAD] if {"bid", "ask"} <= set(quotes) else [])]
    pairs = []
    for task in tasks:
        plan = BacktestPlan(task=task, start=start, end=end, step_minutes=options.step)
        pairs += _both(quotes, plan, options)
    ratio, low, high = geometric_mean(pairs)
    _say(
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
            _say(f"{plan.task} {name}: {spent[0]:.0f} s, {spent[1]:.0f} CPU s")
            _table(found[-1])
    return list(zip(*found, strict=True))


def _table(found: list[Rows]) -> None:
    lines = pd.DataFrame([line for line in score_table(found) if line["set"] == "clean"])
    names = ["h", "n", "mae", "skill", "skill_ci95", "crps_skill", "crps_skill_ci95"]
    names += ["cov80", "cov80_ci95", "cov90", "cov90_ci95", "width80"]
    for name in names:
        if name.endswith("_ci95"):
            lines[name] = [f"{low:.3f}..{high:.3f}" for low, high in lines[name]]
    _say(lines[names].to_string(index=False, float_format=lambda x: f"{x:.4f}"))


def geometric_mean(pairs: list[tuple[Rows, Rows]]) -> tuple[float, float, float]:
    """Mean over the cells of CRPS over LightGBM's on the same clean rows, with its 95 % interval;
    a draw of days is the same for all cells."""
    sums = [_daily(own, peer) for own, peer in pairs]
    days = sorted(set().union(*(set(s.index) for s in sums)))
    tables = np.stack([s.reindex(days, fill_value=0.0).to_numpy() for s in sums])  # cell, day, who
    block = min(_BLOCK_DAYS, len(days))
    starts = np.random.default_rng(0).integers(0, len(days), (_DRAWS, -(-len(days) // block)))
    drawn = (starts[:, :, None] + np.arange(block)) % len(days)
    drawn = drawn.reshape(_DRAWS, -1)[:, : len(days)]
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


def _say(text: str) -> None:
    sys.stdout.write(text + "\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
