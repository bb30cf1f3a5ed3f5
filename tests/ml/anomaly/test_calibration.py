"""Alarm rates: how they are said, and thresholds that keep to them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ml.anomaly.alarms import alarm_rows, count_episodes
from ml.anomaly.calibration import (
    AFTERMATH,
    SLOPE,
    AlarmRateCalibration,
    calibrate,
    calibration_rows,
    parse_alarm_rate,
    rate_of_sensitivity,
)
from ml.errors import BadConfig
from ml.spec import LabelledSpan
from tests.ml.anomaly.test_pipeline import market


@pytest.mark.parametrize("per_week", [1.0, 2.0, 7.0])
def test_a_rate_is_kept_on_contaminated_history(per_week: float) -> None:
    rng = np.random.default_rng(1)
    weeks = 60
    # Thirty heads' decades of rarity, and one row in 300 in trouble.
    clean = (np.log10(30) - np.log10(1 - rng.random(weeks * 336))) / SLOPE
    dirty = np.where(rng.random(len(clean)) < 1 / 300, clean + rng.uniform(1, 4), clean)
    found = calibrate(dirty, weeks=weeks)
    realised = count_episodes(alarm_rows(clean, found.threshold(per_week))) / weeks
    assert 0.6 < realised / per_week < 1.5
    assert AlarmRateCalibration.from_json(found.to_json()) == found


def test_the_public_score_is_proportional() -> None:
    np.testing.assert_allclose(
        AlarmRateCalibration(2.0, 1.0).public(np.array([2.0, 4.0])), [0.1, 0.2]
    )


def test_rates_are_read_and_wild_ones_refused() -> None:
    assert parse_alarm_rate("1/week") == 1
    assert parse_alarm_rate("1/day") == 7
    assert parse_alarm_rate(" 2 / week ") == 2
    for wrong in ("", "often", "0/week", "1000/day", "1/hour"):
        with pytest.raises(BadConfig):
            parse_alarm_rate(wrong)


def test_more_sensitivity_means_more_alarms() -> None:
    rates = [rate_of_sensitivity(s) for s in range(100)]
    assert rates[50] == 1
    assert (np.diff(rates) > 0).all()
    with pytest.raises(BadConfig):
        rate_of_sensitivity(100)


def test_a_confirmed_false_alarm_is_normal() -> None:
    index = market().index
    first, last = index[200].to_pydatetime(), index[202].to_pydatetime()
    true = LabelledSpan(start=first, end=last, true=True)
    assert np.flatnonzero(~calibration_rows(index, (true,))).tolist() == list(
        range(200, 203 + AFTERMATH)
    )
    assert calibration_rows(index, (true, dataclasses.replace(true, true=False))).all()
