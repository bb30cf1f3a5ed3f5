"""Plain values: what is found, what is promised, and that nothing later than a row speaks of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.anomaly.alarms import FADE_ROWS, VALUES
from ml.anomaly.scoring import score_series
from ml.errors import BadConfig, BadQuotes, Cancelled, NotEnoughData
from ml.results import SeriesScores

PER_DAY = 48


def series(rows: int = 3000, seed: int = 0) -> pd.DataFrame:
    """Half-hours with a season of the day and noise."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("2024-03-01", periods=rows, freq="30min")
    season = 10 * np.sin(2 * np.pi * np.arange(rows) / PER_DAY)
    return pd.DataFrame({"value": 100 + season + rng.normal(size=rows)}, index=index)


def check(track: SeriesScores, rows: int) -> None:
    for part in (track.score, track.event_score):
        assert part.shape == (rows,)
        assert part.dtype == np.float64
        assert np.isfinite(part).all()
        assert (part >= 0).all()
    assert track.alarm.dtype == bool
    assert all(bool(kind) == up for kind, up in zip(track.kind, track.alarm, strict=True))


@pytest.mark.parametrize("shape", ["spike", "level", "missing peak"])
def test_the_strangest_event_is_the_planted_one(shape):
    rows = series()
    first, last = 2000, 2000 + {"spike": 1, "level": 30, "missing peak": 24}[shape]
    planted = rows["value"].to_numpy(copy=True)
    if shape == "spike":
        planted[first] += 25
    elif shape == "level":
        planted[first:last] += 12
    else:
        planted[first:last] = 100 + np.random.default_rng(1).normal(size=24)
    track = score_series(pd.DataFrame({"value": planted}, index=rows.index))
    check(track, len(rows))
    assert first <= int(np.argmax(track.score)) < last + 24
    assert track.alarm[first : last + 24].any()


def test_an_event_peaks_once_and_its_score_fades():
    rows = series()
    rows.iloc[2000, 0] += 40
    track = score_series(rows)
    assert (track.event_score[2001 : 2000 + VALUES.quiet] == 0).all()
    held = track.score[2000 : 2000 + FADE_ROWS]
    assert held[0] == track.event_score[2000]
    assert held[10] > 0.9 * held[0]
    assert held[-1] < 0.3 * held[0]


@pytest.mark.parametrize("cut", [500, 899, 900, 1300, 1799, 1800, 2600])
def test_no_later_row_changes_a_score(cut):
    """The refits lie at rows 450, 900 and 1800."""
    rows = series()
    rows.iloc[800, 0] += 30
    spoiled = rows.copy()
    spoiled.iloc[cut:, 0] = spoiled.iloc[cut:, 0].to_numpy()[::-1] * 5 - 300
    whole, other = score_series(rows), score_series(spoiled)
    for name in ("score", "event_score", "alarm"):
        np.testing.assert_array_equal(getattr(whole, name)[:cut], getattr(other, name)[:cut])
    assert whole.kind[:cut] == other.kind[:cut]
    assert not np.array_equal(whole.score[cut:], other.score[cut:])


def test_with_a_moment_to_learn_until_the_rest_may_be_cut_off():
    rows = series()
    until = rows.index[1500]
    whole = score_series(rows, train_until=until)
    short = score_series(rows.iloc[:2000], train_until=until)
    for name in ("score", "event_score", "alarm"):
        np.testing.assert_array_equal(getattr(whole, name)[:2000], getattr(short, name))
    assert (whole.score[:400] > 0).any()


def test_the_warm_up_scores_nothing():
    track = score_series(series())
    assert (track.score[:450] == 0).all()
    assert not track.alarm[:450].any()
    assert (track.score[450:] > 0).any()


@pytest.mark.parametrize(("factor", "shift"), [(1e6, 0.0), (1e-6, 0.0), (-3.0, 5000.0)])
def test_the_unit_and_the_level_of_a_series_do_not_matter(factor, shift):
    rows = series()
    rows.iloc[2000:2010, 0] += 15
    plain, other = score_series(rows), score_series(rows * factor + shift)
    np.testing.assert_allclose(plain.score, other.score, rtol=1e-4, atol=1e-4)


def test_constant_unknown_and_doubled_readings_do_no_harm():
    rows = series(1000)
    rows.iloc[300:420, 0] = np.nan
    rows.iloc[600:, 0] = 7.0
    index = rows.index.to_series()
    index.iloc[500:502] = index.iloc[497]  # the clock is put back
    rows.index = pd.DatetimeIndex(index)
    check(score_series(rows), 1000)
    flat = pd.DataFrame({"value": np.zeros(400)}, index=series(400).index)
    quiet = score_series(flat)
    check(quiet, 400)
    assert not quiet.alarm.any()
    flat.iloc[300, 0] = 1.0
    assert int(np.argmax(score_series(flat).event_score)) == 300


@pytest.mark.parametrize("rate", [1.0, 3.5, 7.0])
def test_on_noise_the_promise_is_kept(rate):
    """Twenty quiet half-years, pooled."""
    raised, weeks = 0, 0.0
    for seed in range(20):
        track = score_series(series(8000, seed), alarm_rate=f"{rate}/week")
        raised += int(np.sum(track.alarm & ~np.r_[False, track.alarm[:-1]]))
        weeks += 0.85 * 8000 / (7 * PER_DAY)
    assert 0.4 <= raised / weeks / rate <= 2.0


def test_the_refits_follow_a_series_that_has_changed():
    """What was rare in the first fit is usual in the last one."""
    rows = series()
    rows.iloc[700:, 0] += 60
    track = score_series(rows)
    assert track.event_score[700] > 10
    assert track.score[2500:].max() < track.event_score[700] / 2


def test_what_cannot_be_scored_is_refused():
    rows = series(400)
    with pytest.raises(BadQuotes):
        score_series(rows.iloc[:0])
    with pytest.raises(BadQuotes):
        score_series(rows * np.nan)
    with pytest.raises(NotEnoughData):
        score_series(rows.iloc[:50])
    for wrong in ("soon", "0/week", "1/hour", "-1/day", "1"):
        with pytest.raises(BadConfig):
            score_series(rows, alarm_rate=wrong)
    with pytest.raises(Cancelled):
        score_series(rows, on_progress=lambda progress: False)
