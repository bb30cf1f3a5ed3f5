"""The simulated market looks like a market, repeats itself, and labels what it plants."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import ml
from ml.quotes import SIDES, Kind, column_names
from ml.simulate import ANOMALY_KINDS

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def simulate(days=60, seed=0, **options):
    market = options.pop("market", ml.SimulatedMarket())
    return ml.simulate_quotes(market, start=START, days=days, seed=seed, **options)


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    return simulate()[0]


def test_the_same_seed_gives_the_same_market(quotes):
    pd.testing.assert_frame_equal(quotes, simulate()[0])
    assert not quotes["bid"].equals(simulate(seed=1)[0]["bid"])


def test_quotes_fit_what_models_take(quotes):
    assert set(quotes.columns) == set(column_names(sides=SIDES))
    grid = ml.build_grid(quotes)
    assert grid["mid"].notna().mean() > 0.9
    assert ml.infer_step_minutes(quotes.index) == 30
    assert quotes.index[0] >= pd.Timestamp(START)
    assert quotes.index[-1] < pd.Timestamp(START) + pd.Timedelta(days=60)


def test_prices_are_positive_multiples_of_the_tick(quotes):
    for name in column_names(Kind.PRICE, Kind.VWAP, sides=SIDES):
        values = quotes[name].dropna().to_numpy()
        assert (values > 0).all()
        np.testing.assert_allclose(values * 100, np.round(values * 100), atol=1e-6)


def test_readings_are_as_untidy_as_promised(quotes):
    gaps = np.diff(quotes.index.as_unit("s").asi8) / 60
    assert np.median(gaps) == pytest.approx(28, abs=3)
    assert gaps.max() > 100
    assert (quotes["bid"].isna() ^ quotes["ask"].isna()).mean() == pytest.approx(0.1, abs=0.03)
    assert not (quotes["bid"].isna() & quotes["ask"].isna()).any()
    assert (quotes["bid"] > quotes["ask"]).mean() == pytest.approx(0.03, abs=0.02)
    assert quotes["bid_volume"].isna().sum() > quotes["bid"].isna().sum()


def test_volatility_comes_in_clusters():
    calm = ml.SimulatedMarket(jumps=0.0, premium=1e-9, season=0.0, tick=1e-6)
    mid = ml.build_grid(simulate(days=200, market=calm)[0])["mid"]
    moves = np.log(mid).diff().abs().dropna()
    assert moves.autocorr(lag=4) > 0.05


def test_people_trade_less_at_night():
    quotes = simulate(days=120)[0]
    volume = quotes["bid_volume"].groupby((quotes.index.hour - 4) % 24).median()
    assert volume[16] > 1.5 * volume[4]


def test_planted_anomalies_change_only_their_own_windows(quotes):
    planted, labels = simulate(anomalies=True)
    assert set(labels["kind"]) == set(ANOMALY_KINDS)
    assert planted.index.equals(quotes.index)
    inside = np.zeros(len(planted), dtype=bool)
    for label in labels.itertuples():
        window = (planted.index >= label.start) & (planted.index <= label.end)
        assert not planted[window].equals(quotes[window]), label
        inside |= window
    pd.testing.assert_frame_equal(planted[~inside], quotes[~inside])
    assert labels["start"].min() > planted.index[0] + pd.Timedelta(days=5)


def test_without_anomalies_there_are_no_labels():
    labels = simulate(days=5)[1]
    assert list(labels.columns) == ["kind", "start", "end"]
    assert labels.empty


def test_one_day_is_enough():
    planted, labels = simulate(days=1, anomalies=True)
    assert len(planted) > 20
    assert len(labels) <= 1


@pytest.mark.parametrize("wrong", [{"days": 0}, {"days": 4000}, {"start": dt.datetime(2026, 1, 1)}])
def test_impossible_wishes_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        ml.simulate_quotes(ml.SimulatedMarket(), **{"start": START, "days": 5, "seed": 0, **wrong})
