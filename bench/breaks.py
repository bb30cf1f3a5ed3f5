"""Do intervals still cover after the market breaks? Ten synthetic breaks in one real market.

python -m bench.breaks QUOTES.csv.gz [--task price] [--learn-days 150] [--start 2025-10-01]

Learns once from the days before the start, then forecasts 30 days from every half-hour; on the
tenth of them the market breaks. Prints how much the 90 % interval covers, by horizon.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import ml
from bench.common import read_quotes, say

DAYS, BREAK_DAY = 30, 10
_LOW, _HIGH = 0, -1  # the outermost quantiles


def _scaled(factor: float) -> Callable[[pd.DataFrame, pd.Timestamp], pd.DataFrame]:
    def change(quotes: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
        return quotes.mul(np.where(quotes.index >= at, factor, 1.0), axis=0)

    return change


def _moved(factor: float, drift: float = 0.0) -> Callable[..., pd.DataFrame]:
    """From the break on, moves are `factor` times as large, and `drift` a day is added."""

    def change(quotes: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
        late = np.asarray(quotes.index >= at)
        path = np.log(quotes.mean(axis=1)).to_numpy()
        home = path[late][0]
        days = (quotes.index - at) / pd.Timedelta(days=1)
        more = np.where(late, (factor - 1) * (path - home) + drift * np.asarray(days), 0.0)
        return quotes.mul(np.exp(np.nan_to_num(more)), axis=0)

    return change


def _paused(days: float, jump: float = 1.0) -> Callable[..., pd.DataFrame]:
    def change(quotes: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
        until = at + pd.Timedelta(days=days)
        quotes = quotes[(quotes.index < at) | (quotes.index >= until)]
        return quotes.mul(np.where(quotes.index >= until, jump, 1.0), axis=0)

    return change


def _ticked(tick: float) -> Callable[..., pd.DataFrame]:
    def change(quotes: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
        late = quotes.index >= at
        return pd.concat([quotes[~late], (quotes[late] / tick).round() * tick])

    return change


def _frozen(quotes: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    still = (quotes.index >= at) & (quotes.index < at + pd.Timedelta(days=3))
    last = quotes[quotes.index < at].iloc[-1]
    return pd.concat([quotes[~still], quotes[still].assign(**last)]).sort_index()


def _sparse(quotes: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    return quotes[(quotes.index < at) | (np.arange(len(quotes)) % 4 == 0)]


BREAKS: dict[str, Callable[[pd.DataFrame, pd.Timestamp], pd.DataFrame]] = {
    "none": lambda quotes, at: quotes,
    "pause of 3 days": _paused(3),
    "pause of 10 days, 15 % higher after it": _paused(10, 1.15),
    "moves 3 times as large": _moved(3.0),
    "moves a third as large": _moved(1 / 3),
    "2 % a day upwards": _moved(1.0, 0.02),
    "three zeros fewer": _scaled(1e-3),
    "2.75 times as large": _scaled(2.75),
    "tick ten times as coarse": _ticked(0.1),
    "frozen for 3 days": _frozen,
    "every fourth quote": _sparse,
}


def coverage(
    model: ml.DLPredictor, quotes: pd.DataFrame, start: pd.Timestamp, source: ml.Source
) -> np.ndarray:
    """(horizons,) share of the targets inside the 90 % interval."""
    end = start + pd.Timedelta(days=DAYS)
    origins = pd.date_range(start, end, freq="30min", inclusive="left")
    batch = model.forecast_batch(quotes, origins, source=source)
    grid = ml.build_grid(quotes, step_minutes=30, end=end + pd.Timedelta(days=1))
    column = "mid" if model.task is ml.Task.PRICE else "spread_pct"
    at = grid.index.get_indexer(batch.origins)
    values = grid[column].to_numpy()
    found = []
    for k, horizon in enumerate(ml.HORIZONS):
        place = np.minimum(at + horizon, len(values) - 1)
        truth = np.where(at + horizon < len(values), values[place], np.nan)
        ends = batch.answer.quantiles[:, k]
        inside = (truth >= ends[:, _LOW]) & (truth <= ends[:, _HIGH])
        found.append(inside[np.isfinite(truth)].mean())
    return np.array(found)


def main() -> None:
    """The table on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quotes", type=Path)
    parser.add_argument("--task", default="price", choices=["price", "spread"])
    parser.add_argument("--learn-days", type=int, default=150)
    parser.add_argument("--start", default="2025-10-01")
    said = parser.parse_args()
    start = pd.Timestamp(said.start, tz="UTC")
    quotes = read_quotes([said.quotes], ["bid", "ask"]).astype(float)
    quotes = quotes.loc[start - pd.Timedelta(days=said.learn_days) : start + pd.Timedelta("32D")]
    with tempfile.TemporaryDirectory() as folder:
        trainer = ml.DLModelTrainer(folder, step_minutes=30, hold_out=False)
        report = trainer.train(said.task, quotes[quotes.index < start])
        model = ml.DLPredictor.load(report.folder)
        for name, change in BREAKS.items():
            broken = change(quotes, start + pd.Timedelta(days=BREAK_DAY))
            cells = [coverage(model, broken, start, source) for source in ml.Source]
            figures = [" / ".join(f"{x:.3f}" for x in cell) for cell in cells]
            say(f"| {name} | {figures[0]} | {figures[1]} |")


if __name__ == "__main__":
    main()
