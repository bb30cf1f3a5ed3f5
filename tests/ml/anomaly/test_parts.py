"""The parts of the anomaly task: tails, thresholds, rules, planted faults."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from ml.anomaly.alarms import alarm_rows, episodes, event_scores
from ml.anomaly.calibration import SLOPE, Promise, calibrate
from ml.anomaly.explain import severity_of
from ml.anomaly.features import make_features, run_length
from ml.anomaly.measure import average_precision
from ml.anomaly.planting import PLAN, kinds_for, plant
from ml.anomaly.rates import parse_alarm_rate, rate_of_sensitivity
from ml.anomaly.readings import read_rows
from ml.anomaly.tails import RunTail, Tail
from ml.errors import BadConfig
from ml.families.autoencoder import Autoencoder


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


@pytest.mark.parametrize("pareto", [True, False])
def test_a_tail_grows_and_inverts(pareto: bool) -> None:
    values = np.abs(np.random.default_rng(0).normal(size=5000))
    tail = Tail.fit(values, through=(0.97, 0.995), pareto=pareto)
    at = np.linspace(0, 10, 200)
    assert (np.diff(tail(at)) >= 0).all()
    assert tail(np.array([np.quantile(values, 0.99)]))[0] == pytest.approx(2, abs=0.15)
    for decades in (1.0, 2.5, 4.0):
        assert tail(np.array([tail.inverse(decades)]))[0] == pytest.approx(decades, abs=1e-6)
    assert tail(np.array([np.nan]))[0] == 0
    assert Tail.from_json(tail.to_json()) == tail


def test_long_runs_are_rarer_than_short_ones() -> None:
    rng = np.random.default_rng(0)
    flags = rng.random(5000) < 0.05
    tail = RunTail.fit(run_length(flags, np.zeros(5000, bool)))
    one, two, five = tail(np.array([1.0, 2.0, 5.0]))
    assert tail(np.array([0.0]))[0] == 0
    assert (np.diff([1.0, one, two, five]) > 0).all()


def test_episodes_are_declustered() -> None:
    alarm = np.zeros(100, bool)
    alarm[[10, 11, 12, 50]] = True
    assert episodes(alarm) == 2
    assert episodes(np.ones(26, bool)) == 2


def test_an_alarm_stays_until_the_score_has_clearly_fallen() -> None:
    score = np.array([0, 1.0, 0.9, 0.88, 0.8, 0.9, 0])
    assert alarm_rows(score, 1.0).tolist() == [False, True, True, True, False, False, False]
    assert not alarm_rows(np.zeros(0), 1.0).size


def test_an_event_score_peaks_once() -> None:
    score = np.array([0.1, 0.1, 2.0, 2.1, 1.9, 0.1])
    assert np.flatnonzero(event_scores(score)).tolist() == [0, 2]


@pytest.mark.parametrize("per_week", [1.0, 2.0, 7.0])
def test_a_promise_is_kept_on_contaminated_history(per_week: float) -> None:
    rng = np.random.default_rng(1)
    weeks = 60
    # Thirty heads' decades of rarity, and one row in 300 in trouble.
    clean = (np.log10(30) - np.log10(1 - rng.random(weeks * 336))) / SLOPE
    dirty = np.where(rng.random(len(clean)) < 1 / 300, clean + rng.uniform(1, 4), clean)
    promise = calibrate(dirty, weeks=weeks)
    realised = episodes(alarm_rows(clean, promise.at(per_week))) / weeks
    assert 0.6 < realised / per_week < 1.5
    assert Promise.from_json(promise.to_json()) == promise


def test_the_public_score_is_proportional() -> None:
    np.testing.assert_allclose(Promise(2.0, 1.0).public(np.array([2.0, 4.0])), [0.1, 0.2])


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


def test_a_split_scrape_is_one_reading_and_sees_only_what_has_come() -> None:
    frame = quotes(50)[["bid", "ask"]]
    first, second = frame.copy(), frame.copy()
    first["ask"], second["bid"] = np.nan, np.nan
    second.index = second.index + pd.Timedelta(minutes=1)
    split = pd.concat([first, second]).sort_index()
    whole, halves = read_rows(frame, usual=30), read_rows(split, usual=30)
    assert halves.reading.tolist() == np.repeat(np.arange(50), 2).tolist()
    np.testing.assert_allclose(halves.filled[1::2], whole.filled)
    # The first half of a scrape still has the ask of the reading before.
    np.testing.assert_allclose(halves.filled[2::2, 1], whole.filled[:-1, 1])
    assert np.isnan(halves.seen[2::2, 1]).all()


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


def test_severity_rises_with_rarity_and_with_size() -> None:
    assert [severity_of(t) for t in (1.0, 1.3, 1.7, 2.5)] == ["low", "medium", "high", "critical"]
    assert severity_of(1.0, 10.0) == "critical"


def test_planting_is_seeded_and_leaves_the_original_alone() -> None:
    frame = quotes()
    kept, start = frame.copy(), frame.index[700]
    one, two = (plant(frame, seed=5, start=start) for _ in range(2))
    pd.testing.assert_frame_equal(frame, kept)
    pd.testing.assert_frame_equal(one.quotes, two.quotes)
    assert (one.kind[:700] == "").all()
    assert set(one.kind) - {""} == set(PLAN)
    same = one.kind == ""
    pd.testing.assert_frame_equal(one.quotes[same], frame[same])


def test_a_price_alone_gets_no_two_sided_faults() -> None:
    assert set(kinds_for(pd.Index(["price"]))) == {"spike", "level_shift", "stuck", "drift"}


def test_average_precision_of_a_perfect_and_a_blind_ranking() -> None:
    label = np.array([0, 0, 1, 1])
    assert average_precision(label, np.array([0.1, 0.2, 0.8, 0.9])) == pytest.approx(1)
    assert average_precision(label, np.zeros(4)) == pytest.approx(0.5)


def test_the_last_row_alone_is_the_last_row_of_the_window() -> None:
    torch.manual_seed(0)
    network = Autoencoder(7, window=32, latent=5, channels=6).eval()
    x = torch.randn(9, 32, 7)
    torch.testing.assert_close(network.rebuild_last(x), network(x)[:, -1], atol=1e-6, rtol=1e-5)
