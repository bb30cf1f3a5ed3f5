"""The anomaly task end to end on a small synthetic market."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ml.anomaly import pipeline
from ml.anomaly.trailing import TRAIL
from ml.anomaly.training import AFTERMATH, usable
from ml.errors import ArtifactMismatch, BadConfig, NotEnoughData
from ml.families.autoencoder import AutoencoderConfig
from ml.pipeline import FitContext, Fitted
from ml.predictor import DLPredictor
from ml.registry import get_spec
from ml.spec import LabelledSpan, Source
from tests.markets import calm_market as market

CONFIG = AutoencoderConfig(epochs=3, members=1, channels=8, latent=6)
ROWS = 2600
CPU = torch.device("cpu")
DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"


def fitted(quotes: pd.DataFrame, workdir: Path, labels: tuple[LabelledSpan, ...] = ()) -> Fitted:
    context = FitContext(device=CPU, workdir=workdir, step_minutes=30, labels=labels)
    return pipeline.fit(get_spec("autoencoder"), CONFIG, quotes, context)


def served(fit: Fitted) -> pipeline.AnomalyServer:
    manifest = {
        "task": "anomaly",
        "family": "autoencoder",
        "baseline": "robust_z",
        "section": json.loads(json.dumps(fit.section, allow_nan=False)),
        "step_minutes": 30,
        "window": fit.window,
        "input_columns": list(fit.input_columns),
        "config": vars(CONFIG),
    }
    return pipeline.load(manifest, fit.tensors, CPU)


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fitted(market(), tmp_path_factory.mktemp("anomaly"))


@pytest.fixture(scope="module")
def server(fit: Fitted) -> pipeline.AnomalyServer:
    return served(fit)


def scan(server, quotes, *, start=None, end=None, threshold=0.1, source=Source.NETWORK):
    return server.scan(quotes, start=start, end=end, threshold=threshold, source=source)


def test_fit_measures_network_and_baseline_alike(fit: Fitted) -> None:
    assert fit.metrics.keys() == fit.baseline_metrics.keys()
    assert 0.2 < fit.metrics["average_precision"] <= 1
    assert fit.trained_until < fit.test_from


def test_same_seed_gives_same_weights(fit: Fitted, tmp_path: Path) -> None:
    again = fitted(market(), tmp_path)
    assert again.section == fit.section
    for name, tensor in fit.tensors.items():
        assert torch.equal(tensor, again.tensors[name])


def test_the_future_changes_no_score(server: pipeline.AnomalyServer) -> None:
    quotes = market()
    cut = quotes.index[1800]
    altered = quotes.copy()
    altered.loc[altered.index > cut] *= 3
    for source in Source:
        before = scan(server, quotes, source=source)
        after = scan(server, altered, source=source)
        past = before.timestamps <= cut
        np.testing.assert_allclose(before.scores[past], after.scores[past], atol=1e-6)


def test_the_test_stretch_changes_no_weight_and_no_threshold(fit: Fitted, tmp_path: Path) -> None:
    altered = market()
    altered.loc[altered.index >= fit.test_from] *= 2
    assert fitted(altered, tmp_path).section == fit.section


def test_a_scan_of_a_part_agrees_with_a_scan_of_all(server: pipeline.AnomalyServer) -> None:
    quotes = market()
    start = quotes.index[2000]
    whole, part = scan(server, quotes), scan(server, quotes, start=start)
    wanted = whole.timestamps >= start
    assert part.timestamps.equals(whole.timestamps[wanted])
    np.testing.assert_allclose(part.scores, whole.scores[wanted], atol=1e-6)
    assert not part.warming_up


def test_a_spike_is_caught_and_put_into_words(server: pipeline.AnomalyServer) -> None:
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
    server: pipeline.AnomalyServer,
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


def test_crossed_sides_are_named(server: pipeline.AnomalyServer) -> None:
    quotes = market()
    at = quotes.index[2200]
    quotes.loc[at, ["bid", "ask"]] = quotes.loc[at, ["ask", "bid"]].to_numpy() * [1.01, 0.99]
    kinds = {a.timestamp: a.kind for a in scan(server, quotes).anomalies}
    assert kinds[at] == "crossed"


def test_a_stuck_feed_is_named(server: pipeline.AnomalyServer) -> None:
    quotes = market()
    quotes.iloc[2200:2215] = quotes.iloc[2199].to_numpy()
    kinds = {a.timestamp: a.kind for a in scan(server, quotes).anomalies}
    assert kinds[quotes.index[2212]] == "stuck"


def test_a_missing_side_is_named_and_not_observed(server: pipeline.AnomalyServer) -> None:
    quotes = market()
    quotes.iloc[2200:2212, [1, 3]] = np.nan
    found = {a.timestamp: a for a in scan(server, quotes).anomalies}[quotes.index[2205]]
    assert found.kind == "missing_side"
    assert "ask missing" in found.text
    assert found.expected["ask"].observed is None


def test_a_move_over_a_gap_is_measured_by_the_gap(server: pipeline.AnomalyServer) -> None:
    quotes = market()
    quotes.iloc[2240:, :2] *= 1.006
    after, both = quotes.index[2240], quotes.drop(quotes.index[2200:2240])
    sudden, gradual = scan(server, quotes), scan(server, both)
    assert sudden.scores[sudden.timestamps == after] > gradual.scores[gradual.timestamps == after]


def test_short_sequences_are_scored_from_the_stored_scales(
    server: pipeline.AnomalyServer,
) -> None:
    quotes = market().iloc[-16:].copy()
    quotes.iloc[-1, 0] *= 0.7
    answer = scan(server, quotes)
    assert answer.warming_up
    assert np.isnan(answer.scores[:15]).all()
    assert answer.scores[15] > 0.1
    assert len(scan(server, market()).scores) > TRAIL


def test_too_short_sequences_are_refused(server: pipeline.AnomalyServer) -> None:
    with pytest.raises(NotEnoughData) as caught:
        scan(server, market().iloc[:15])
    assert (caught.value.needed, caught.value.present) == (16, 15)


def test_too_little_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData) as caught:
        fitted(market(400), tmp_path)
    assert caught.value.present == 400 < caught.value.needed


def test_missing_columns_are_refused(server: pipeline.AnomalyServer) -> None:
    with pytest.raises(ArtifactMismatch):
        scan(server, market(price_only=True))


def test_a_price_alone_is_enough(tmp_path: Path) -> None:
    quotes = market(1500, price_only=True)
    server = served(fitted(quotes, tmp_path))
    quotes.iloc[1400] *= 1.3
    answer = scan(server, quotes)
    found = {a.timestamp: a for a in answer.anomalies}[quotes.index[1400]]
    assert found.kind == "spike"
    assert set(found.expected) == {"price"}


def test_evaluate_measures_another_stretch(server: pipeline.AnomalyServer) -> None:
    quotes = market(seed=1)
    for source in Source:
        figures = server.evaluate(
            quotes, start=quotes.index[1800], end=quotes.index[-1], source=source
        )
        assert 0 <= figures["average_precision"] <= 1
        assert 0 <= figures["recall"] <= 1


def test_a_real_market_is_scanned_quickly(server: pipeline.AnomalyServer) -> None:
    path = DATA / "usdt_bob_binance_p2p.csv.gz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there")
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


def test_confirmed_anomalies_do_not_count_in_the_calibration(tmp_path: Path) -> None:
    quotes = market()
    rng = np.random.default_rng(0)
    spans = []
    for at in rng.choice(np.arange(100, 2000, 30), 30, replace=False):
        quotes.iloc[at : at + 3, 1] *= 1.05
        first, last = quotes.index[at].to_pydatetime(), quotes.index[at + 2].to_pydatetime()
        spans.append(LabelledSpan(start=first, end=last, true=True))
    blind, told = fitted(quotes, tmp_path), fitted(quotes, tmp_path, tuple(spans))
    thresholds = [f.section["promises"]["network"]["weekly"] for f in (blind, told)]
    assert thresholds[1] < thresholds[0]
    assert told.section["heads"] == blind.section["heads"]


def test_a_confirmed_false_alarm_is_normal() -> None:
    index = market().index
    first, last = index[200].to_pydatetime(), index[202].to_pydatetime()
    true = LabelledSpan(start=first, end=last, true=True)
    assert np.flatnonzero(~usable(index, (true,))).tolist() == list(range(200, 203 + AFTERMATH))
    assert usable(index, (true, dataclasses.replace(true, true=False))).all()


def test_a_detector_of_an_older_make_is_refused(fit: Fitted) -> None:
    old = dataclasses.replace(fit, section={**fit.section, "rules": {}})
    del old.section["heads"]
    with pytest.raises(ArtifactMismatch, match="older make"):
        served(old)
