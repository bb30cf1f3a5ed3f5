"""What the detectors look at."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.anomaly.features import make_features, run_length


def quotes(rows: int = 1500) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    index = pd.date_range("2025-01-01", periods=rows, freq="30min", tz="UTC").as_unit("ns")
    mid = 100 * np.exp(np.cumsum(rng.normal(0, 0.001, rows)))
    return pd.DataFrame(
        {"bid": mid * 0.995, "ask": mid * 1.005, "bid_volume": 5 + mid}, index=index
    )


def test_features_see_no_future() -> None:
    frame = quotes()
    altered = frame.copy()
    altered.iloc[1000:] *= 2
    before, after = make_features(frame, usual=30), make_features(altered, usual=30)
    np.testing.assert_array_equal(before.values[:1000], after.values[:1000])
    for name, signal in before.signals.items():
        np.testing.assert_array_equal(signal[:1000], after.signals[name][:1000])


def test_a_run_stands_still_without_a_reading() -> None:
    flag = np.array([0, 1, 1, 1, 0, 1], bool)
    keep = np.array([0, 0, 1, 0, 0, 0], bool)
    assert run_length(flag, keep).tolist() == [0, 1, 1, 2, 0, 1]


def test_a_missed_side_is_excused_once_and_a_run_is_not() -> None:
    frame = quotes()
    frame.iloc[700, 0] = np.nan
    frame.iloc[900:905, 0] = np.nan
    missing = make_features(frame, usual=30).signals["missing_bid"]
    assert missing[699:702].tolist() == [0, 1, 0]
    assert missing[899:906].tolist() == [0, 1, 2, 3, 4, 5, 0]


def test_sides_of_two_readings_are_not_crossed() -> None:
    frame = quotes()
    frame.iloc[700] = [np.nan, frame["bid"].iloc[699] * 0.99, 100.0]  # below the bid before
    frame.iloc[900, 0] = frame["ask"].iloc[900] * 1.01
    crossed = make_features(frame, usual=30).signals["crossed"]
    assert np.flatnonzero(crossed).tolist() == [900]
