"""Two backtests on one window: told apart where they differ, and not where they do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.errors import NotEnoughData
from ml.evaluation.paired import compare_backtests
from ml.evaluation.plan import QUANTILE_COLUMNS, BacktestPlan
from ml.evaluation.scores import backtest_skill
from ml.tasks import HORIZONS, QUANTILES, Task
from tests.markets import wandering_market

QUOTES = wandering_market(2400)
PLAN = BacktestPlan(
    task=Task.PRICE,
    start=QUOTES.index[1600].to_pydatetime(),
    end=QUOTES.index[2300].to_pydatetime(),
)
MID = (QUOTES["bid"] + QUOTES["ask"]) / 2


def forecasts(error: float, *, seed: int = 0) -> pd.DataFrame:
    """The truth and as much error beside it, with quantiles around it."""
    rng = np.random.default_rng(seed)
    tables = []
    for h in HORIZONS:
        origins = PLAN.origins()
        origins = origins[origins + h * pd.Timedelta(minutes=30) <= pd.Timestamp(PLAN.end)]
        truth = MID.reindex(origins + h * pd.Timedelta(minutes=30)).to_numpy()
        said = truth * (1 + error * rng.normal(size=len(origins)))
        table = pd.DataFrame({"origin": origins, "target": "mid", "h": h, "yhat": said})
        for name, level in zip(QUANTILE_COLUMNS, QUANTILES, strict=True):
            table[name] = said + (level - 0.5) * 0.02
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def test_the_better_one_is_better_beyond_chance_whichever_comes_first():
    good, bad = forecasts(0.001), forecasts(0.01, seed=1)
    test = compare_backtests(bad, good, QUOTES, PLAN)
    assert test.challenger < test.champion
    assert test.p_value < 0.01
    turned = compare_backtests(good, bad, QUOTES, PLAN)
    assert turned.difference == pytest.approx(-test.difference)


def test_two_that_err_alike_are_within_noise():
    test = compare_backtests(forecasts(0.005), forecasts(0.005, seed=1), QUOTES, PLAN)
    assert test.p_value > 0.05
    same = forecasts(0.005)
    assert compare_backtests(same, same, QUOTES, PLAN).p_value == 1.0


def test_only_origins_of_both_count():
    whole = forecasts(0.005)
    later = whole[whole["origin"] >= QUOTES.index[1900]]
    assert compare_backtests(whole, later, QUOTES, PLAN).n < len(PLAN.origins()) / 1.5


def test_a_stretch_without_a_forecast_is_refused():
    none = forecasts(0.005).iloc[:0]
    with pytest.raises(NotEnoughData):
        compare_backtests(none, none, QUOTES, PLAN)


def test_a_backtest_in_three_figures_is_the_mean_of_its_clean_lines():
    lines = [
        {"h": 1, "set": "clean", "crps_skill": 0.8, "skill": 0.9, "cov90": 0.88},
        {"h": 6, "set": "clean", "crps_skill": 1.0, "skill": None},
        {"h": 1, "set": "all", "crps_skill": 5.0, "skill": 5.0, "cov90": 0.1},
    ]
    found = backtest_skill(lines)
    assert found == {"crps_skill": pytest.approx(0.9), "skill": 0.9, "cov90": 0.88}
    assert set(backtest_skill([]).values()) == {None}
