"""Where no network can be learnt the baseline answers: everything, honestly, under its own name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ml
from ml.forecast.climatology import student_quantiles

START = pd.Timestamp("2025-01-01", tz="UTC")
NAMES = {"price": "last_value", "spread": "last_value"}


def walk(rows: int, *, minutes: int = 1440, seed: int = 0, step: float = 0.01) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    mid = 12 * np.exp(np.cumsum(rng.normal(0, step, rows)))
    half = 0.002 * np.exp(rng.normal(0, 0.2, rows))
    index = pd.date_range(START, periods=rows, freq=f"{minutes}min").as_unit("ns")
    return pd.DataFrame({"bid": mid * (1 - half), "ask": mid * (1 + half)}, index=index)


def ask(task: str, quotes: pd.DataFrame, **options) -> ml.Forecast:
    predictor = ml.baseline_predictor(task, quotes)
    return getattr(predictor, f"predict_{task}")(quotes, **options)


def ends(forecast: ml.Forecast) -> np.ndarray:
    """(horizons, 2) of the 90 % interval."""
    return np.array([[h.quantiles["0.05"], h.quantiles["0.95"]] for h in forecast.horizons])


@pytest.mark.parametrize("task", ["price", "spread"])
def test_a_year_of_daily_rates_is_forecast_under_the_baselines_name(task):
    found = ask(task, walk(365))
    assert (found.source, found.name) == (ml.Source.BASELINE, NAMES[task])
    assert "365 quotes are fewer" in found.notes[-1]
    assert [h.minutes for h in found.horizons] == [1440 * h for h in ml.HORIZONS]
    widths = np.diff(ends(found), axis=1)[:, 0]
    assert (widths > 0).all()
    if task == "price":
        assert (np.diff(widths) > 0).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 20])
@pytest.mark.parametrize("task", ["price", "spread"])
def test_a_few_rows_are_enough_and_are_never_trusted_to_stand_still(task, rows):
    still = walk(rows, minutes=30, step=0.0)
    found = ask(task, still)
    low, high = ends(found).T
    assert np.isfinite(ends(found)).all()
    assert (low < found.last_value).all()
    assert (found.last_value < high).all()
    if task == "price":
        assert ((high - low) / found.last_value > 0.001).all()


def test_a_pegged_rate_gets_a_narrow_interval_and_not_none():
    peg = pd.DataFrame({"price": np.full(1300, 6.96)}, index=walk(1300, minutes=30).index)
    low, high = ends(ask("price", peg)).T
    assert ((high - low > 0) & (high - low < 0.02 * 6.96)).all()


@pytest.mark.parametrize("rows", [5, 40, 200])
def test_intervals_of_short_histories_cover_what_they_say(rows):
    inside = []
    for seed in range(120):
        quotes = walk(rows + max(ml.HORIZONS), seed=seed)
        mid = quotes.mean(axis=1).to_numpy()
        low, high = ends(ask("price", quotes.iloc[:rows])).T
        truth = mid[rows - 1 + np.asarray(ml.HORIZONS)]
        inside.append((low <= truth) & (truth <= high))
    assert (np.mean(inside, axis=0) > 0.84).all()


def test_nothing_after_the_moment_is_seen():
    quotes = walk(300)
    at = quotes.index[199].to_pydatetime()
    other = quotes.copy()
    other.iloc[200:] *= 3
    predictor = ml.baseline_predictor("price", quotes)
    assert predictor.predict_price(quotes, at=at) == predictor.predict_price(other, at=at)


def test_students_quantiles_are_those_of_the_tables():
    np.testing.assert_allclose(student_quantiles(10)[-2:], [1.372, 1.812], rtol=2e-3)
    np.testing.assert_allclose(student_quantiles(1e6)[-2:], [1.2816, 1.6449], rtol=1e-4)


def test_two_hundred_readings_are_scored_by_the_robust_baseline():
    quotes = walk(200)
    quotes.iloc[150] *= 1.3
    predictor = ml.baseline_predictor("anomaly", quotes)
    found = predictor.detect_anomalies(quotes)
    assert (found.source, found.name) == (ml.Source.BASELINE, "robust_z")
    assert "200 quotes are fewer" in found.notes[-1]
    assert int(np.nanargmax(found.scores)) in (150, 151)
    assert predictor.alarm_threshold(1.0) == pytest.approx(ml.PUBLIC_THRESHOLD)
    with pytest.raises(ml.ArtifactMismatch):
        predictor.anomaly_stream()


def test_a_week_of_readings_has_a_regime():
    quotes = walk(340, minutes=30, step=0.002)
    found = ml.baseline_predictor("pattern", quotes).recognize_patterns(quotes, history=3)
    assert (found.source, found.name) == (ml.Source.BASELINE, "trailing_rule")
    assert len(found.history) == 3
    assert "not a network" in found.notes[-1]


@pytest.mark.parametrize(("task", "rows"), [("anomaly", 29), ("pattern", 100)])
def test_what_is_too_little_even_for_a_baseline_is_said(task, rows):
    with pytest.raises(ml.NotEnoughData) as caught:
        ml.baseline_predictor(task, walk(rows))
    assert caught.value.present == rows < caught.value.needed


def test_a_spread_needs_two_sides_here_too():
    with pytest.raises(ml.BadQuotes):
        ml.baseline_predictor("spread", walk(50)[["bid"]])


def test_it_is_measured_and_asked_at_many_moments_like_an_artifact():
    quotes = walk(400)
    predictor = ml.baseline_predictor("price", quotes)
    batch = predictor.forecast_batch(quotes, quotes.index[300:310])
    one = predictor.predict_price(quotes, at=quotes.index[305].to_pydatetime())
    ours = [list(h.quantiles.values()) for h in one.horizons]
    np.testing.assert_allclose(batch.answer.quantiles[5], ours, rtol=1e-9)
    start, end = quotes.index[200].to_pydatetime(), quotes.index[-1].to_pydatetime()
    figures = predictor.evaluate(quotes, start=start, end=end)
    assert figures["crps"] == 1.0  # nothing but itself to be compared with
    assert figures["cov90_h1"] > 0.85
