"""How often a market is quoted, and the grid's step that follows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.cadence import STEPS, cadence_minutes, infer_step_minutes

START = pd.Timestamp("2025-01-01", tz="UTC")
DAY = 1440.0


def at(*minutes: float) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([START + pd.Timedelta(minutes=m) for m in minutes], tz="UTC")


def every(gap: float, rows: int, start: float = 0.0) -> list[float]:
    return [start + gap * k for k in range(rows)]


@pytest.mark.parametrize(
    ("gap", "rows", "step"),
    [
        (30, 5000, 30),
        (28, 20000, 30),  # irregular around half an hour
        (60, 5000, 60),  # candles of an hour
        (1440, 400, 1440),
        (1, 4320, 1),  # three days by the minute: 30 would leave 144 rows
        (5, 20000, 15),  # 70 days every five minutes: the longest step that leaves 4,000 rows
    ],
)
def test_the_step_follows_the_cadence_and_the_span(gap, rows, step):
    assert infer_step_minutes(at(*(gap * k for k in range(rows)))) == step


def test_a_burst_of_polling_does_not_set_the_step():
    usual = [70.0 * k for k in range(3000)]
    burst = [100_000.0 + k for k in range(6000)]
    assert infer_step_minutes(at(*sorted({*usual, *burst}))) == 120


def test_too_few_moments_take_the_default_step():
    assert infer_step_minutes(at(0, 1)) == 30
    assert infer_step_minutes(at()) == 30


def test_a_pause_of_a_hundred_days_does_not_set_the_cadence():
    index = at(*every(30, 2160), *every(30, 2160, start=153 * DAY))
    assert cadence_minutes(index) == 30
    assert infer_step_minutes(index) == 30


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_lone_rows_on_the_far_side_of_a_pause_say_nothing(rows):
    usual = every(30, 2160)
    for lone in (every(DAY, rows, start=-800 * DAY), every(DAY, rows, start=400 * DAY)):
        assert infer_step_minutes(at(*sorted([*usual, *lone]))) == 30


def test_the_first_daily_rows_do_not_fix_the_cadence():
    assert infer_step_minutes(at(*every(DAY, 3), *every(30, 200, start=4 * DAY))) == 30
    assert infer_step_minutes(at(*every(DAY, 500), *every(30, 480, start=500 * DAY))) == 30
    assert infer_step_minutes(at(*every(30, 5000), *every(DAY, 40, start=110 * DAY))) == 1440


def test_a_market_that_closes_at_night_keeps_the_cadence_of_its_day():
    hours = [day * DAY + minute for day in range(60) for minute in every(30, 17, start=9 * 60)]
    assert cadence_minutes(at(*hours)) == 30


def test_a_split_scrape_is_no_cadence():
    moments = sorted([*every(30, 3000), *every(30, 3000, start=0.1)])
    assert cadence_minutes(at(*moments)) == pytest.approx(29.9)


def test_a_market_that_is_quoted_once_a_week_is_no_pause():
    assert cadence_minutes(at(*every(7 * DAY, 100))) == 7 * DAY
    assert infer_step_minutes(at(*every(7 * DAY, 100))) == STEPS[-1]


def test_no_gap_is_no_cadence():
    assert cadence_minutes(at()) is None
    assert cadence_minutes(at(0)) is None


@settings(max_examples=60, deadline=None)
@given(
    gap=st.sampled_from([1, 5, 30, 60, 240, 1440]),
    jitter=st.floats(0, 0.3),
    pauses=st.lists(st.tuples(st.integers(1, 400), st.floats(3, 900)), max_size=5),
    seed=st.integers(0, 2**16),
)
def test_jitter_and_pauses_leave_the_cadence_alone(gap, jitter, pauses, seed):
    rng = np.random.default_rng(seed)
    gaps = gap * (1 + jitter * rng.uniform(-1, 1, 500))
    for place, days in pauses:
        gaps[place] = days * DAY
    index = at(*np.cumsum(gaps))
    assert cadence_minutes(index) == pytest.approx(gap, rel=0.35)
