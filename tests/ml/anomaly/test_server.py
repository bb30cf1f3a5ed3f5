"""What a trained detector answers when it is asked to scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.anomaly.readings import TRAIL
from ml.anomaly.server import AnomalyServer
from ml.errors import ArtifactMismatch, BadConfig, NotEnoughData
from ml.pipeline import Fitted
from ml.predictor import DLPredictor
from ml.spec import Source
from tests.ml.anomaly.test_pipeline import market, scan


def test_the_future_changes_no_score(server: AnomalyServer) -> None:
    quotes = market()
    cut = quotes.index[1800]
    altered = quotes.copy()
    altered.loc[altered.index > cut] *= 3
    for source in Source:
        before = scan(server, quotes, source=source)
        after = scan(server, altered, source=source)
        past = before.timestamps <= cut
        np.testing.assert_allclose(before.scores[past], after.scores[past], atol=1e-6)


def test_a_scan_of_a_part_agrees_with_a_scan_of_all(server: AnomalyServer) -> None:
    quotes = market()
    start = quotes.index[2000]
    whole, part = scan(server, quotes), scan(server, quotes, start=start)
    wanted = whole.timestamps >= start
    assert part.timestamps.equals(whole.timestamps[wanted])
    np.testing.assert_allclose(part.scores, whole.scores[wanted], atol=1e-6)
    assert not part.warming_up


def test_a_spike_is_caught_and_put_into_words(server: AnomalyServer) -> None:
    quotes = market()
    at = quotes.index[2200]
    quotes.loc[at, "ask"] *= 1.41
    for source in Source:
        found = {a.timestamp: a for a in scan(server, quotes, source=source).anomalies}[at]
        assert found.kind == "spike"
        assert found.severity == "critical"
        assert "ask 4" in found.text
        assert "above the level expected from the last 16 readings" in found.text
        ask = found.expected["ask"]
        assert ask.lower < ask.value < ask.upper < ask.observed
        bid = found.expected["bid"]
        assert bid.lower < bid.observed < bid.upper


def test_contributions_sum_to_one_and_scores_reach_the_threshold(
    server: AnomalyServer,
) -> None:
    quotes = market()
    quotes.iloc[2100:2104, 1] *= 1.2
    for source in Source:
        answer = scan(server, quotes, threshold=0.08, source=source)
        assert answer.anomalies
        strange = np.nan_to_num(answer.scores) >= 0.08
        assert len(answer.anomalies) == strange.sum()
        for anomaly in answer.anomalies:
            assert sum(anomaly.contributions.values()) == pytest.approx(1)
            assert anomaly.score >= 0.08


def test_a_move_over_a_gap_is_measured_by_the_gap(server: AnomalyServer) -> None:
    quotes = market()
    quotes.iloc[2240:, :2] *= 1.006
    after, both = quotes.index[2240], quotes.drop(quotes.index[2200:2240])
    sudden, gradual = scan(server, quotes), scan(server, both)
    assert sudden.scores[sudden.timestamps == after] > gradual.scores[gradual.timestamps == after]


def test_short_sequences_are_scored_from_the_stored_scales(
    server: AnomalyServer,
) -> None:
    quotes = market().iloc[-16:].copy()
    quotes.iloc[-1, 0] *= 0.7
    answer = scan(server, quotes)
    assert answer.warming_up
    assert np.isnan(answer.scores[:15]).all()
    assert answer.scores[15] > 0.1
    assert len(scan(server, market()).scores) > TRAIL


def test_too_short_sequences_are_refused(server: AnomalyServer) -> None:
    with pytest.raises(NotEnoughData) as caught:
        scan(server, market().iloc[:15])
    assert (caught.value.needed, caught.value.present) == (16, 15)


def test_missing_columns_are_refused(server: AnomalyServer) -> None:
    with pytest.raises(ArtifactMismatch):
        scan(server, market(price_only=True))


def test_evaluate_measures_another_stretch(server: AnomalyServer) -> None:
    quotes = market(seed=1)
    for source in Source:
        figures = server.evaluate(
            quotes, start=quotes.index[1800], end=quotes.index[-1], source=source
        )
        assert 0 <= figures["average_precision"] <= 1
        assert 0 <= figures["recall"] <= 1


def test_a_real_market_is_scanned(server: AnomalyServer, shared_data: Path) -> None:
    path = shared_data / "usdt_bob_binance_p2p.csv.gz"
    frame = pd.read_csv(path, parse_dates=["timestamp"]).drop_duplicates("timestamp")
    quotes = frame.set_index("timestamp").rename(columns={"bid_price": "bid", "ask_price": "ask"})
    answer = scan(server, quotes, start=quotes.index[-1] - pd.Timedelta("60D"))
    assert len(answer.scores) == len(answer.timestamps)
    assert np.isfinite(answer.scores).mean() > 0.9


def test_rates_and_sensitivities_choose_the_threshold(fit: Fitted, server, tmp_path: Path) -> None:
    manifest = {"task": "anomaly"}
    predictor = DLPredictor(manifest, server, "cpu")
    quotes = market()
    weekly = predictor.detect_anomalies(quotes, alarm_rate="1/week")
    assert weekly.threshold == pytest.approx(0.1)
    daily = predictor.detect_anomalies(quotes, alarm_rate="1/day")
    eager = predictor.detect_anomalies(quotes, sensitivity=90)
    assert eager.threshold < daily.threshold < weekly.threshold
    last = predictor.detect_anomalies(quotes, mode="last")
    assert last.timestamps.tolist() == [quotes.index[-1]]
    assert last.scores[0] == pytest.approx(weekly.scores[-1], abs=1e-9)
    for wrong in ({"mode": "first"}, {"alarm_rate": "1/week", "sensitivity": 5}):
        with pytest.raises(BadConfig):
            predictor.detect_anomalies(quotes, **wrong)
