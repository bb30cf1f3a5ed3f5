"""Thresholds of a plain series, from its own past."""

from __future__ import annotations

import numpy as np

from ml.anomaly.alarms import VALUES
from ml.anomaly.values.calibration import alarms_at_rate, event_threshold


def test_an_alarm_ends_when_things_are_usual_again_or_usual_by_now():
    rare = np.zeros(3000)
    rare[2000:2003] = 10.0
    rare[2500:2700] = 12.0
    alarm, raised = alarms_at_rate(rare, 100, 100, 1e-3)
    assert list(np.flatnonzero(raised)) == [2000, 2500]
    assert list(np.flatnonzero(alarm)) == [
        2000,
        2001,
        2002,
        *range(2500, 2500 + int(VALUES.longest)),
    ]


def test_a_threshold_falls_with_the_rate_and_is_hardly_moved_by_anomalies():
    rng = np.random.default_rng(3)
    history = np.where(rng.random(10_000) < 0.01, rng.exponential(0.6, 10_000) + 1, 0.0)
    levels = [event_threshold(history, rate) for rate in (1e-4, 1e-3, 1e-2)]
    assert levels == sorted(levels, reverse=True)
    dirty = history.copy()
    dirty[::1000] = 30.0
    assert event_threshold(dirty, 1e-3) - levels[1] < 0.6
