"""The unit of a price means nothing: a market times any power of ten gives the same answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ml
from ml.anomaly.detectors import RobustZ
from ml.anomaly.features import make_features
from ml.anomaly.kinds import ExpectedLevels
from ml.forecast.baseline import last_value, residual_climatology, served_last_value
from ml.forecast.series import make_series
from ml.forecast.targets import Target, find_tick_size
from ml.pattern.features import make_channels
from ml.pattern.labels import make_labels

POWERS = st.integers(-10, 10)
ORDINARY = settings(max_examples=25, deadline=None)
SMALL = {"epochs": 1, "members": 1, "batch_size": 128}
SMALLEST: dict[str, dict[str, int]] = {
    "price": {**SMALL, "hidden": 8, "width": 16},
    "spread": {**SMALL, "hidden": 8, "width": 16},
    "anomaly": {**SMALL, "channels": 8},
    "pattern": {"epochs": 1, "folds": 2, "batch_size": 128, "channels": 8, "steps": 8},
}


def market(power: int, *, rows: int = 700, seed: int = 0, decimals: int = 3) -> pd.DataFrame:
    """A market quoted with so many decimals, times ten to the `power`, as a venue would quote it:
    in figures, not in products of floats."""
    rng = np.random.default_rng(seed)
    mid = 12 * np.exp(np.cumsum(rng.normal(0, 0.003, rows)))
    half = 0.002 + 0.001 * rng.random(rows)

    def quoted(values: np.ndarray) -> list[float]:
        return [float(f"{value:.{decimals}f}e{power}") for value in values]

    columns = {"bid": quoted(mid * (1 - half)), "ask": quoted(mid * (1 + half))}
    index = pd.date_range("2025-01-01", periods=rows, freq="30min", tz="UTC").as_unit("ns")
    return pd.DataFrame({**columns, "bid_volume": np.exp(rng.normal(5, 0.3, rows))}, index=index)


@ORDINARY
@given(power=POWERS, digit=st.sampled_from([1, 2, 5]), decimals=st.integers(0, 4))
def test_the_tick_moves_with_the_prices(power, digit, decimals):
    rng = np.random.default_rng(digit)
    steps = rng.integers(7000, 9000, 300) * digit
    prices = np.array([float(f"{step}e{power - decimals}") for step in steps])
    assert find_tick_size(prices) == pytest.approx(float(f"{digit}e{power - decimals}"))


@ORDINARY
@given(power=POWERS, seed=st.integers(0, 50))
def test_no_tick_is_larger_than_the_prices(power, seed):
    prices = 10.0**power * np.exp(np.random.default_rng(seed).normal(0, 0.01, 300))
    assert find_tick_size(prices) == 0


@pytest.mark.parametrize(("spread", "on"), [(0.3, False), (0.0, False), (85.47, False)])
def test_a_tick_of_another_unit_of_prices_holds_no_spread(spread, on):
    other = np.array([100 * np.log(0.0117)])
    steps = Target(ml.Task.SPREAD).tick_steps(np.array([spread]), other, 0.01)
    assert np.isfinite(steps[0]) == on
    usual = Target(ml.Task.SPREAD).tick_steps(np.array([0.0]), np.array([100 * np.log(11.7)]), 0.01)
    assert usual[0] == pytest.approx(100 * 0.01 / 11.7)


@ORDINARY
@given(power=POWERS)
def test_the_last_value_is_as_unsure_at_every_scale(power):
    for task in (ml.Task.PRICE, ml.Task.SPREAD):
        relative = []
        for own in (0, power):
            grid = ml.build_grid(market(own), step_minutes=30)
            series = make_series(grid, Target(task), 30)
            rows = np.array([150, 400, 690])
            told = (series, rows, Target(task), residual_climatology(series.y))
            both = [one(*told).quantiles for one in (last_value, served_last_value)]
            relative.append(np.stack(both) / series.value[rows, None, None])
        np.testing.assert_allclose(relative[1], relative[0], rtol=1e-6)


@ORDINARY
@given(power=POWERS)
def test_an_audit_says_the_same_at_every_scale(power):
    plain, scaled = (dataclasses.asdict(ml.audit_quotes(market(p))) for p in (0, power))
    for name, value in plain.items():
        # A season is one of ranks: moves that are equal but for rounding change places.
        rel = 1e-2 if name.startswith("season") else 1e-6
        expected = pytest.approx(value, rel=rel) if isinstance(value, float) else value
        assert scaled[name] == expected, name


@ORDINARY
@given(power=POWERS, seed=st.integers(0, 5))
def test_plain_values_are_as_strange_at_every_scale(power, seed):
    values = market(0, seed=seed)["bid"].to_numpy().copy()
    values[500] *= 1.2
    values[300:330] = values[300]
    index = market(0).index
    plain, scaled = (
        ml.score_series(pd.DataFrame({"value": values * 10.0**p}, index=index)) for p in (0, power)
    )
    np.testing.assert_allclose(scaled.score, plain.score, rtol=1e-5, atol=1e-6)
    assert scaled.kind == plain.kind


@pytest.mark.parametrize("power", [-10, -5, 10])
def test_a_still_series_with_one_spike_is_as_strange_at_every_scale(power):
    values = np.full(2000, 6.96)
    values[1400] = 7.5
    index = pd.date_range("2025-01-01", periods=2000, freq="30min", tz="UTC")
    plain, scaled = (
        ml.score_series(pd.DataFrame({"value": values * 10.0**p}, index=index)) for p in (0, power)
    )
    assert plain.alarm[1400]
    assert (plain.alarm == scaled.alarm).all()
    np.testing.assert_allclose(scaled.score, plain.score, rtol=1e-3)


@ORDINARY
@given(power=POWERS)
def test_the_robust_baseline_is_as_strange_at_every_scale(power):
    totals = []
    for own in (0, power):
        features = make_features(market(own), usual=30.0)
        baseline = RobustZ.fit(features, np.full(700, True))
        totals.append(baseline.score(features).total)
    np.testing.assert_allclose(totals[1], totals[0], rtol=1e-6, atol=1e-9)


@ORDINARY
@given(power=POWERS)
def test_regimes_have_the_same_names_at_every_scale(power):
    (_, plain), (_, scaled) = (
        make_channels(ml.build_grid(market(p), step_minutes=30)) for p in (0, power)
    )
    np.testing.assert_allclose(scaled, plain, rtol=1e-4, atol=1e-4)
    ours, theirs = (
        make_labels(ml.build_grid(market(p), step_minutes=30), centred=True) for p in (0, power)
    )
    for head, labels in ours.items():
        assert (labels == theirs[head]).mean() > 0.995


@pytest.mark.parametrize("scale", [1e-10, 1.0, 1e10])
def test_a_deviation_is_as_large_at_every_scale(scale):
    def levels(*figures: float) -> list[dict[str, np.ndarray]]:
        return [{"bid": np.array([figure * scale])} for figure in figures]

    level = ExpectedLevels(*levels(10.2, 10.0, 9.9, 10.1))
    assert level.size(0) == pytest.approx(2.0)
    assert level.away("bid", 0) == pytest.approx(0.02)


def test_a_market_is_simulated_at_any_scale():
    import datetime as dt

    start = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    ordinary, tiny = (
        ml.simulate_quotes(
            ml.SimulatedMarket(price=9.3 * s, tick=0.01 * s), start=start, days=20, seed=1
        )[0]
        for s in (1.0, 1e-9)
    )
    np.testing.assert_allclose(tiny["bid"].dropna() * 1e9, ordinary["bid"].dropna(), rtol=1e-6)


def forecast(model: ml.DLPredictor, quotes: pd.DataFrame, ask: str) -> list[float]:
    answer = getattr(model, ask)(quotes)
    return [v / answer.last_value for h in answer.horizons for v in h.quantiles.values()]


ASK: dict[str, Callable[[ml.DLPredictor, pd.DataFrame], Any]] = {
    "price": lambda model, quotes: forecast(model, quotes, "predict_price"),
    "spread": lambda model, quotes: forecast(model, quotes, "predict_spread"),
    "anomaly": lambda model, quotes: model.detect_anomalies(quotes).scores[100:],
    "pattern": lambda model, quotes: model.recognize_patterns(quotes).current.probability,
}


@pytest.mark.parametrize("task", ASK)
def test_a_network_learns_and_answers_the_same_at_every_scale(task, tmp_path):
    found = []
    for power in (0, -8, 9):
        quotes = market(power, rows=1700)
        trainer = ml.DLModelTrainer(tmp_path / str(power), device="cpu", step_minutes=30)
        report = trainer.train(task, quotes, **SMALLEST[task])
        model = ml.DLPredictor.load(report.folder)
        found.append((report.score, report.baseline_score, ASK[task](model, quotes)))
    for score, baseline, answer in found[1:]:
        assert score == pytest.approx(found[0][0], rel=1e-4)
        assert baseline == pytest.approx(found[0][1], rel=1e-9)
        np.testing.assert_allclose(answer, found[0][2], rtol=1e-3, atol=1e-6)
