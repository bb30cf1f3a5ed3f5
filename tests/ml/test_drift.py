"""Drift of inputs is an effect that is large and beyond what the training knew of itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ml
from ml.evaluation.drift import LARGE, stability_index, wasserstein

START = pd.Timestamp("2026-01-01", tz="UTC")
STEP = pd.Timedelta(minutes=30)


def quotes(rows: int, *, start: pd.Timestamp = START, seed: int = 0, size: float = 0.002,
           spread: float = 0.01) -> pd.DataFrame:  # fmt: skip
    rng = np.random.default_rng(seed)
    mid = 10 * np.exp(np.cumsum(rng.normal(0, size, rows)))
    half = mid * spread * rng.uniform(0.4, 0.6, rows)
    index = pd.date_range(start, periods=rows, freq=STEP).as_unit("ns")
    return pd.DataFrame({"bid": mid - half, "ask": mid + half}, index=index)


def measured(recent: pd.DataFrame) -> dict[str, ml.InputDrift]:
    return {one.name: one for one in ml.measure_drift(trained(), recent, step_minutes=30)}


def trained() -> pd.DataFrame:
    return quotes(48 * 60)


def later(rows: int = 48 * 7, **how) -> pd.DataFrame:
    """Goes on from the price that the training ended with."""
    found = quotes(rows, start=START + 48 * 60 * STEP, seed=5, **how)
    return found * (trained().iloc[-1].mean() / found.iloc[0].mean())


def test_the_same_market_a_week_later_has_not_drifted():
    found = measured(later())
    assert {"move", "move_size", "spread_pct"} <= set(found)
    assert not any(one.drifted for one in found.values())


def test_a_market_gone_wild_has_drifted_in_its_moves_and_not_in_its_spread():
    found = measured(later(size=0.01))
    assert {name for name, one in found.items() if one.drifted} >= {"move", "move_size"}
    assert not found["spread_pct"].drifted
    assert found["move_size"].shift > 1


def test_a_wider_spread_shifts_by_its_deviations():
    found = measured(later(spread=0.02))["spread_pct"]
    table = trained()
    percent = (table["ask"] - table["bid"]) / ((table["ask"] + table["bid"]) / 2) * 100
    assert found.drifted
    # The unit is the training's deviation, but for its rarest thousandths.
    assert found.shift == pytest.approx(1.0 / percent.std(), rel=0.05)
    assert found.effect == pytest.approx(found.shift, rel=0.05)
    assert found.psi > 1


def test_the_level_of_a_price_is_no_input():
    dear = ml.measure_drift(1000 * trained(), 1000 * later(), step_minutes=30)
    for one in dear:
        assert one.effect == pytest.approx(measured(later())[one.name].effect)


def test_one_jump_is_no_drift():
    recent = later()
    recent.iloc[100:] *= 1.1
    assert not any(one.drifted for one in measured(recent).values())


def test_weather_that_the_training_knew_is_no_drift():
    calm, wild = quotes(48 * 50), quotes(48 * 10, start=START + 48 * 50 * STEP, size=0.01, seed=9)
    wild *= calm.iloc[-1].mean() / wild.iloc[0].mean()
    known = pd.concat([calm, wild])
    recent = later(size=0.01)
    recent *= wild.iloc[-1].mean() / recent.iloc[0].mean()
    found = {one.name: one for one in ml.measure_drift(known, recent, step_minutes=30)}
    assert found["move_size"].effect > LARGE
    assert not found["move_size"].drifted


def test_too_few_new_rows_say_nothing():
    with pytest.raises(ml.NotEnoughData):
        measured(later(rows=40))


def test_the_distance_of_a_shifted_sample_is_the_shift():
    values = np.random.default_rng(1).normal(0, 1, 5000)
    grid = np.quantile(values, np.linspace(0.0005, 0.9995, 1000))
    assert wasserstein(values + 3, grid) == pytest.approx(3)
    assert stability_index(values, values) == pytest.approx(0)
    assert stability_index(values + 3, values) > 1
