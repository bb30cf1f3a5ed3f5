"""A frozen source is in alarm while it is frozen; a peg and a night's rest are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ml
from ml.anomaly.values.stuck import LEAST_RUN, stuck_decades


def scored(values: np.ndarray) -> ml.SeriesScores:
    index = pd.date_range("2025-03-01", periods=len(values), freq="30min", tz="UTC")
    return ml.score_series(pd.DataFrame({"value": values}, index=index))


def walk(rows: int = 2400) -> np.ndarray:
    rng = np.random.default_rng(4)
    return np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.003, rows))), 2)


def test_a_source_that_froze_is_in_alarm_as_stuck_until_it_moves_again():
    values = walk()
    values[1800:2100] = values[1800]
    found = scored(values)
    late = slice(1800 + LEAST_RUN, 2100)
    assert found.alarm[late].all()
    assert set(found.kind[late]) == {"stuck"}
    assert (found.score[late] > 0).all()
    assert "stuck" not in found.kind[:1800]
    assert "stuck" not in found.kind[2100:]
    assert found.event_score[1800 : 1800 + LEAST_RUN + 1].max() > 0


def test_no_later_row_is_needed_to_see_it():
    values = walk(2000)
    values[1900:] = values[1900]
    whole, part = stuck_decades(values, 1e-3), stuck_decades(values[:1950], 1e-3)
    assert (whole[:1950] == part).all()


@pytest.mark.parametrize("unknown", [1, 5])
def test_unknown_readings_neither_end_nor_lengthen_a_run(unknown):
    values = walk(1000)
    values[900:] = values[900]
    values[950 : 950 + unknown] = np.nan
    decades = stuck_decades(values, 1e-3)
    assert (decades[920:] > 0).all()
    values[905:] = np.nan
    assert not stuck_decades(values, 1e-3).any()


def test_what_never_moves_or_rests_every_night_is_not_stuck():
    peg = np.full(2000, 6.96)
    nights = np.repeat(walk(100), 24)
    for values in (peg, nights):
        assert not stuck_decades(values, 1e-3).any()


def test_a_frozen_price_is_in_alarm_as_stuck_until_the_end():
    values = walk()
    values[2100:] = values[2100]
    index = pd.date_range("2025-03-01", periods=len(values), freq="30min", tz="UTC")
    found = ml.score_series(pd.DataFrame({"price": values}, index=index))
    assert found.alarm[2110:].all()
    assert set(found.kind[2110:]) == {"stuck"}
