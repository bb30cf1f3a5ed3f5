"""The bench beside LightGBM: what it reads, and what its one figure means."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from bench import lightgbm_peer
from bench.common import read_quotes
from bench.forecast import geometric_mean
from bench.lightgbm_peer import lightgbm_backtest
from ml.evaluation.plan import BacktestPlan
from ml.evaluation.scores import Rows, score_rows
from ml.tasks import HORIZONS, QUANTILES, Task
from tests.markets import wandering_market as make_quotes


def rows_of(width: float, horizon: int) -> Rows:
    origins = pd.date_range("2025-01-01", periods=20 * 48, freq="30min", tz="UTC")
    truth = np.random.default_rng(horizon).normal(size=len(origins))
    levels = np.linspace(-2, 2, len(QUANTILES)) * width
    answer = (np.zeros(len(origins)), np.tile(levels, (len(origins), 1)))
    kept = {"clean": np.ones(len(origins), dtype=bool)}
    return Rows(horizon, origins, truth, answer, answer, answer, kept)


def test_the_same_forecasts_score_one():
    pairs = [(rows_of(1, h), rows_of(1, h)) for h in HORIZONS]
    assert geometric_mean(pairs) == pytest.approx((1, 1, 1))


def test_better_forecasts_score_below_one_and_the_interval_says_how_sure():
    pairs = [(rows_of(1, h), rows_of(4, h)) for h in HORIZONS]
    mean, low, high = geometric_mean(pairs)
    assert low < mean < high < 1


def test_rows_that_one_of_them_lacks_do_not_count():
    own, peer = rows_of(1, 6), rows_of(1, 6)
    value, quantiles = own.model
    quantiles = quantiles.copy()
    quantiles[:100] = np.nan
    own = dataclasses.replace(own, model=(value, quantiles))
    assert geometric_mean([(own, peer)])[0] == pytest.approx(1)


def test_a_market_file_is_read_under_its_own_names(tmp_path):
    named = make_quotes(50).rename(columns={"bid": "bid_price", "ask": "ask_price"})
    named.to_csv(tmp_path / "q.csv.gz", index_label="timestamp")
    found = read_quotes([tmp_path / "q.csv.gz"], ("bid", "ask", "price"))
    pd.testing.assert_frame_equal(
        found, make_quotes(50), check_names=False, check_freq=False, check_index_type=False
    )


@pytest.mark.parametrize(("task", "tune"), [(Task.PRICE, True), (Task.SPREAD, False)])
def test_the_peer_sees_no_future_either(task, tune, monkeypatch):
    pytest.importorskip("lightgbm")
    monkeypatch.setattr(lightgbm_peer, "_TREES", 8)
    monkeypatch.setattr(lightgbm_peer, "_CHOICES", lightgbm_peer._CHOICES[:2])
    quotes = make_quotes(1500)
    start, end = quotes.index[1300].to_pydatetime(), quotes.index[1480].to_pydatetime()
    plan = BacktestPlan(task=task, start=start, end=end, origin_step=4)
    whole = lightgbm_backtest(quotes, plan, threads=1, tune=tune)
    spoiled = quotes.copy()
    spoiled.iloc[1400:] *= 5
    other = lightgbm_backtest(spoiled, plan, threads=1, tune=tune)
    before = quotes.index[1400]
    same = [f[f["origin"] < before].reset_index(drop=True) for f in (whole, other)]
    pd.testing.assert_frame_equal(*same)
    assert len(score_rows(whole, quotes, plan)) == len(HORIZONS)
