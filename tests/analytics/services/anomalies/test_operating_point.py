"""Threshold, alarm rate and sensitivity: three ways to say one thing, one at a time."""

from __future__ import annotations

import pytest

import ml
from analytics.exceptions import InvalidInput
from analytics.models import AnomalyEvent
from analytics.services.anomalies.operating_point import operating_point


@pytest.mark.parametrize(
    ("text", "per_week"),
    [
        ("1/week", 1),
        ("2/day", 14),
        (" 0.5 / Week ", 0.5),
        ("10/day", 70),
        ("1/month", 0.23077),
        ("1/year", 0.01923),
    ],
)
def test_a_rate_is_read_as_false_alarms_a_week(text, per_week):
    assert operating_point(alarm_rate=text).per_week == pytest.approx(per_week, rel=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "week",
        "1",
        "1/hour",
        "-1/week",
        "0/day",
        "11/day",
        "0.01/year",
        "1/week/day",
        "nan/day",
    ],
)
def test_what_is_no_rate_is_refused_by_name(text):
    with pytest.raises(InvalidInput) as caught:
        operating_point(alarm_rate=text)
    assert (caught.value.code, list(caught.value.fields)) == ("bad_alarm_rate", ["alarm_rate"])


def test_sensitivity_goes_from_one_in_nine_months_over_one_a_week_to_five_a_day():
    rates = [operating_point(sensitivity=s).per_week for s in range(100)]
    assert rates == sorted(rates)
    assert rates[50] == 1.0
    assert rates[0] == pytest.approx(1 / 39, rel=0.03)
    assert rates[99] / 7 == pytest.approx(5.2, abs=0.1)


@pytest.mark.parametrize("value", [-1, 100])
def test_a_sensitivity_beyond_its_range_is_refused_by_name(value):
    with pytest.raises(InvalidInput) as caught:
        operating_point(sensitivity=value)
    assert "sensitivity" in caught.value.fields


@pytest.mark.parametrize(
    "given",
    [
        {"threshold": 0.1, "alarm_rate": "1/week"},
        {"threshold": 0.1, "sensitivity": 0},
        {"alarm_rate": "1/week", "sensitivity": 50},
        {"threshold": 0.1, "alarm_rate": "1/week", "sensitivity": 50},
    ],
)
def test_two_at_once_are_refused_and_both_named(given):
    with pytest.raises(InvalidInput) as caught:
        operating_point(**given)
    assert set(caught.value.fields) == set(given)


def test_nothing_is_the_calibrated_threshold():
    assert operating_point().threshold == 0.1
    assert operating_point(threshold=0.3).threshold == 0.3
    assert operating_point(sensitivity=50).per_week == 1.0


def test_an_alarm_of_the_database_is_the_calibrated_threshold_of_ml():
    assert AnomalyEvent.ALARM == ml.PUBLIC_THRESHOLD
