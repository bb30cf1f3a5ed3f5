"""One network for many markets beside one network each: the same markets, split and figures.

python -m bench.panel FILE [FILE ...] --simulated 17 --from 2025-09-21

Every market is learned once alone (the task's default family) and once with all others (`panel`),
from the quotes before the last --test-days, and is asked on these; and once more as if it were
young: of its own quotes only the last --young days before the test are known, of the others all.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.common import read_quotes, say
from ml.predictor import DLPredictor
from ml.simulate import SimulatedMarket, simulate_quotes
from ml.tasks import HORIZONS, TASKS, Task
from ml.trainer import DLModelTrainer

PANEL, STEP, DRAWS = "panel", 30, 5000
Markets = dict[str, pd.DataFrame]


def main() -> None:
    options = _options()
    start = pd.Timestamp(options.start, tz="UTC")
    end = start + pd.Timedelta(days=options.days)
    markets = {
        path.name.split(".")[0]: read_quotes([path], ("bid", "ask")).loc[start:end]
        for path in options.data
    }
    markets |= simulated(options.simulated, start.to_pydatetime(), options.days)
    tested = end - pd.Timedelta(days=options.test_days)
    born = tested - pd.Timedelta(days=options.young)
    found = []
    for name in list(markets)[: options.most]:
        for age, since in (("long", start), ("young", born)):
            for family in (TASKS[options.task].default_family, PANEL):
                line = _measured(markets, name, family, since, tested, options)
                found.append({"market": name, "age": age, "family": family, **line})
                say(str(found[-1]))
    summary(pd.DataFrame(found), set(markets) - {f"sim{k}" for k in range(options.simulated)})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--task", type=Task, default=Task.PRICE)
    parser.add_argument("--simulated", type=int, default=17)
    parser.add_argument("--from", dest="start", default="2025-09-21")
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--test-days", type=int, default=15)
    parser.add_argument("--young", type=int, default=25)
    parser.add_argument("--most", type=int, help="Markets that are measured, the first ones.")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--panel-param", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


def simulated(count: int, start: dt.datetime, days: int) -> Markets:
    """Markets that are unlike each other: pace, size of moves, premium, spread, rhythm, clock."""
    made = {}
    for seed in range(count):
        rng, usual = np.random.default_rng(seed), SimulatedMarket()
        pick = rng.uniform(-1, 1, 7)
        market = replace(
            usual,
            price=float(10 ** (2 + pick[0])),
            volatility=usual.volatility * float(3 ** pick[1]),
            premium=usual.premium * float(3 ** pick[2]),
            premium_half_life=usual.premium_half_life * float(3 ** pick[3]),
            spread=usual.spread * float(2 ** pick[4]),
            season=float(0.35 + 0.3 * pick[5]),
            utc_offset=float(round(8 * pick[6])),
            poll_minutes=float(rng.uniform(10, 30)),
        )
        made[f"sim{seed}"] = simulate_quotes(market, start=start, days=days, seed=seed)[0]
    return {name: quotes[["bid", "ask"]] for name, quotes in made.items()}


def _measured(
    markets: Markets,
    name: str,
    family: str,
    since: pd.Timestamp,
    tested: pd.Timestamp,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Figures on the quotes from `tested` on of a model of those between `since` and then."""
    quotes = markets[name].loc[since:]
    before = {key: theirs[theirs.index < tested] for key, theirs in markets.items() if key != name}
    params = dict(_pairs(options.param))
    if family == PANEL:
        params |= dict(_pairs(options.panel_param))
    with tempfile.TemporaryDirectory() as work:
        trainer = DLModelTrainer(
            work, device="cpu", step_minutes=STEP, hold_out=False, others=before
        )
        wall, cpu = time.perf_counter(), time.process_time()
        report = trainer.train(options.task, quotes[quotes.index < tested], family=family, **params)
        spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        model = DLPredictor.load(report.folder)
        end = quotes.index[-1].to_pydatetime()
        figures = model.evaluate(quotes, start=tested.to_pydatetime(), end=end)
    names = ["crps", *(f"cov{level}_h{h}" for level in (80, 90) for h in HORIZONS)]
    told = {key: round(float(figures[key]), 4) for key in names}
    return {**told, **{key: round(value, 1) for key, value in spent.items()}}


def _pairs(texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, _, value = text.partition("=")
        yield name, value


def summary(found: pd.DataFrame, real: set[str]) -> None:
    """By age: CRPS over the last value's, geometric means; the panel's over the other's, with an
    interval by drawing markets; coverages and seconds."""
    coverages = [column for column in found if column.startswith("cov")]
    found["off"] = sum((found[c] - int(c[3:5]) / 100).abs() for c in coverages) / len(coverages)
    for age, lines in found.groupby("age"):
        table = lines.pivot(index="market", columns="family")
        alone = next(f for f in lines["family"] if f != PANEL)
        log = np.log(table["crps"][PANEL] / table["crps"][alone])
        rng = np.random.default_rng(0)
        drawn = log.to_numpy()[rng.integers(0, len(log), (DRAWS, len(log)))].mean(axis=1)
        low, high = np.exp(np.quantile(drawn, [0.025, 0.975]))
        say(
            f"{age}: {PANEL} / {alone} CRPS {np.exp(log.mean()):.4f} ({low:.4f} .. {high:.4f}), "
            f"better at {int((log < 0).sum())} of {len(log)}; of real ones "
            f"{np.exp(log[log.index.isin(real)].mean()):.4f}"
        )
        means = lines.groupby("family")[[*coverages, "off", "cpu", "wall"]].mean()
        means["crps"] = np.exp(np.log(lines["crps"]).groupby(lines["family"]).mean())
        say(means.round(4).T.to_string())


if __name__ == "__main__":
    main()
