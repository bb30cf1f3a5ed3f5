"""A whole table of quotes scored row by row, as `score_series` does it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.anomaly.quote_scoring import refits, score_quotes
from ml.errors import NotEnoughData
from ml.spec import LabelledSpan
from tests.markets import calm_market as market

ROWS = 2200


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    frame = market(ROWS)
    frame.iloc[1900, 1] *= 1.2
    return frame


def test_every_input_row_is_scored_at_once(quotes: pd.DataFrame) -> None:
    track = score_quotes(quotes, train_until=quotes.index[1100])
    assert len(track.score) == len(track.kind) == ROWS
    assert np.isfinite(track.score).all()
    assert track.alarm[1900]
    assert track.kind[1900] == "spike"
    assert track.event_score[1900] == track.score[1900] == track.score[1700:2100].max()
    assert all((k != "") == up for k, up in zip(track.kind, track.alarm, strict=True))


def test_rows_after_the_training_change_nothing_before_them(quotes: pd.DataFrame) -> None:
    altered = quotes.copy()
    altered.iloc[1500:] *= 1.7
    one, two = (score_quotes(q, train_until=quotes.index[1100]) for q in (quotes, altered))
    np.testing.assert_allclose(one.score[:1500], two.score[:1500], atol=1e-9)
    np.testing.assert_array_equal(one.alarm[:1500], two.alarm[:1500])


def test_online_scores_come_from_earlier_rows_only(quotes: pd.DataFrame) -> None:
    altered = quotes.copy()
    altered.iloc[1600:] *= 1.7
    one, two = score_quotes(quotes), score_quotes(altered)
    assert not one.score[: refits(ROWS)[0]].any()
    np.testing.assert_allclose(one.score[:1600], two.score[:1600], atol=1e-9)
    np.testing.assert_array_equal(one.alarm[:1600], two.alarm[:1600])
    assert one.alarm[1900]


def test_naive_and_doubled_times_work_as_they_are(quotes: pd.DataFrame) -> None:
    naive = quotes.set_axis(quotes.index.tz_localize(None), axis=0)
    doubled = pd.concat([naive.iloc[:1950], naive.iloc[1948:]])
    track = score_quotes(doubled, train_until=naive.index[1100])
    assert len(track.score) == len(doubled)
    assert track.alarm[1900]


def test_the_online_mode_learns_anew_as_the_history_doubles() -> None:
    assert refits(22_000) == [3300, 6600, 13_200]
    with pytest.raises(NotEnoughData):
        refits(900)


def test_a_column_that_is_empty_at_first_is_left_out(quotes: pd.DataFrame) -> None:
    empty = quotes.assign(bid_offers=np.nan, ask_offers=np.nan)
    empty.iloc[1500:, -1] = 5.0
    one, two = (score_quotes(q, train_until=quotes.index[1100]) for q in (quotes, empty))
    np.testing.assert_array_equal(one.score, two.score)


def test_labels_are_used_and_alarms_follow_the_rate(quotes: pd.DataFrame) -> None:
    frame, until = quotes.copy(), quotes.index[1100]
    frame.iloc[100:400, 1] *= 1 + np.random.default_rng(0).uniform(0, 0.04, 300)
    first, last = frame.index[100].to_pydatetime(), frame.index[399].to_pydatetime()
    frame.iloc[2000, 1] *= 1.02
    blind = score_quotes(frame, train_until=until)
    span = LabelledSpan(start=first, end=last, true=True)
    told = score_quotes(frame, train_until=until, labels=(span,))
    assert told.score[2000] > blind.score[2000]
    eager = score_quotes(frame, train_until=until, alarm_rate="1/day")
    assert eager.alarm.sum() > blind.alarm.sum()
