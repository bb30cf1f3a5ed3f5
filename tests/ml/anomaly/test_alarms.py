"""When an alarm is raised, how long it stays, and what is one event."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ml.anomaly.alarms import (
    QUOTES,
    VALUES,
    AlarmRule,
    alarm_rows,
    count_episodes,
    event_starts,
    fade,
    raise_alarms,
    stays_up,
)


def test_episodes_are_declustered() -> None:
    alarm = np.zeros(100, bool)
    alarm[[10, 11, 12, 50]] = True
    assert count_episodes(alarm) == 2
    assert count_episodes(np.ones(26, bool)) == 2


def test_an_alarm_stays_until_the_score_has_clearly_fallen() -> None:
    score = np.array([0, 1.0, 0.9, 0.88, 0.8, 0.9, 0])
    assert alarm_rows(score, 1.0).tolist() == [False, True, True, True, False, False, False]
    assert not alarm_rows(np.zeros(0), 1.0).size


def test_an_event_score_peaks_once() -> None:
    score = np.array([0.1, 0.1, 2.0, 2.1, 1.9, 0.1])
    assert np.flatnonzero(event_starts(score, QUOTES)).tolist() == [0, 2]


def test_a_small_step_up_is_no_new_event():
    rare = np.zeros(500)
    rare[100], rare[150], rare[160] = 3.0, 3.0 + VALUES.margin / 2, 3.0 + 3 * VALUES.margin
    assert list(np.flatnonzero(event_starts(rare, VALUES))) == [100, 160]
    assert (fade(rare) >= rare).all()


@pytest.mark.parametrize("rule", [QUOTES, VALUES, dataclasses.replace(VALUES, longest=3)])
def test_alarms_are_those_of_one_row_after_the_other(rule: AlarmRule) -> None:
    rng = np.random.default_rng(0)
    score = np.abs(rng.normal(0, 1, 2000))
    score[rng.integers(0, 2000, 60)] += 4
    score[900:960] = 2.5
    raising = (score >= 2) & (rng.random(2000) < 0.5)
    alarm, raised = raise_alarms(score, 2.0, raising, rule)
    up, age = False, 0
    for row in range(2000):
        age += 1
        still = up and score[row] >= rule.release * 2.0 and age < rule.longest
        assert raised[row] == (raising[row] and not still), row
        up, age = raising[row] or still, 0 if raising[row] else age
        assert alarm[row] == up, row
    assert 0 < raised.sum() < raising.sum()


def test_a_quote_alone_is_in_alarm_where_the_whole_table_is() -> None:
    score = np.abs(np.random.default_rng(1).normal(0, 1, 500))
    up, found = False, []
    for one in score:
        up = stays_up(float(one), 1.5, up)
        found.append(up)
    assert found == alarm_rows(score, 1.5).tolist()
    assert 0 < sum(found) < 500
