"""Hours of the week: found where they are, silent where chance or a trend made them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from analytics.services.collection.context import HOURS, LEVEL, week_hours

WEEKS = 14
START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)  # a Monday, 0 h


def series(seed: int, *, cheap: float = 0.0, trend: float = 0.0) -> pd.Series:
    """Half-hours of prices with noise that lasts some hours; Tuesdays at 10 h are cheaper by
    `cheap` percent; `trend` is percent per week."""
    rng = np.random.default_rng(seed)
    index = pd.date_range(START, periods=WEEKS * HOURS * 2, freq="30min")
    noise = pd.Series(rng.normal(0, 0.3, len(index)), index=index).ewm(halflife=12).mean()
    away = noise + np.arange(len(index)) * trend / (HOURS * 2)
    away[(index.day_of_week == 1) & (index.hour == 10)] -= cheap
    return 10 * np.exp(away / 100)


def test_a_cheap_hour_is_found_with_an_interval_that_holds_it():
    found = week_hours(series(1, cheap=1.0), lower_is_better=True)
    best = found["best"]
    assert (best["weekday"], best["hour"]) == (1, 10)
    assert best["proven"]
    assert best["low"] < -1.0 < best["high"] < 0
    assert found["weeks"] == WEEKS - 2  # the first and the last have no seven days around them
    worst = week_hours(series(1, cheap=1.0), lower_is_better=False)["worst"]
    assert (worst["weekday"], worst["hour"]) == (1, 10)


@pytest.mark.parametrize("trend", [0.0, 5.0])
def test_chance_and_a_trend_prove_nothing_more_often_than_promised(trend):
    """Of 40 markets without any good hour, about one in ten may seem to have one."""
    proven = 0
    for seed in range(40):
        found = week_hours(series(seed, trend=trend), lower_is_better=True)
        proven += found["best"]["proven"] or found["worst"]["proven"]
    assert proven / 40 <= 1 - LEVEL + 0.1


def test_a_trend_moves_no_hour():
    calm = week_hours(series(3, cheap=1.0), lower_is_better=True)["best"]
    rising = week_hours(series(3, cheap=1.0, trend=5.0), lower_is_better=True)["best"]
    assert rising["percent"] == pytest.approx(calm["percent"], abs=0.02)


def test_with_less_than_four_weeks_nothing_is_said():
    assert week_hours(series(1)[: 4 * HOURS * 2], lower_is_better=True) is None
    assert week_hours(series(1)[:0], lower_is_better=True) is None
    flat = pd.Series(10.0, index=series(1).index)
    assert not week_hours(flat, lower_is_better=True)["best"]["proven"]


def test_missing_hours_are_left_out():
    holes = series(1, cheap=1.0)
    holes[(holes.index.hour == 3)] = np.nan
    found = week_hours(holes, lower_is_better=True)
    assert (found["best"]["weekday"], found["best"]["hour"]) == (1, 10)
