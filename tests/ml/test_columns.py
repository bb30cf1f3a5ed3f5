"""Columns that a model was trained with and that the quotes lack: the rest is judged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ml
from tests.markets import regime_market as market

SIZES = ["bid_volume", "ask_volume"]


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    return market(1800)


@pytest.fixture(scope="module")
def models(quotes, tmp_path_factory) -> dict[str, ml.DLPredictor]:
    trainer = ml.DLModelTrainer(tmp_path_factory.mktemp("sized"), device="cpu", step_minutes=30)
    small = {
        "anomaly": {"epochs": 1, "members": 1, "batch_size": 64},
        "pattern": {"epochs": 1, "folds": 2, "batch_size": 128, "channels": 16, "steps": 10},
    }
    return {
        task: ml.DLPredictor.load(trainer.train(task, quotes, **options).folder)
        for task, options in small.items()
    }


@pytest.mark.parametrize("source", list(ml.Source))
@pytest.mark.parametrize("gone", [SIZES, SIZES[:1], ["bid_volume", "ask_volume", "ask"]])
def test_a_detector_scores_what_there_is_and_says_what_is_missing(models, quotes, source, gone):
    late = quotes.iloc[-900:].copy()
    late.iloc[600, :2] *= 1.2
    found = models["anomaly"].detect_anomalies(late.drop(columns=gone), source=source)
    assert np.isfinite(found.scores[100:]).all()
    assert all(column in found.notes[0] for column in gone)
    if "ask" not in gone:
        assert found.scores[600] >= found.threshold
    assert models["anomaly"].detect_anomalies(late, source=source).notes == ()


def test_a_stream_goes_on_without_them(models, quotes):
    stream = models["anomaly"].anomaly_stream(after=quotes.iloc[:-50].drop(columns=SIZES))
    late = quotes.iloc[-50:].drop(columns=SIZES)
    whole = models["anomaly"].detect_anomalies(quotes.drop(columns=SIZES)).scores[-50:]
    np.testing.assert_allclose(stream.extend(late), whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("source", list(ml.Source))
def test_patterns_are_named_without_the_depth_that_nobody_knows(models, quotes, source):
    found = models["pattern"].recognize_patterns(quotes.drop(columns=SIZES), source=source)
    assert "liquidity" not in found.current.heads
    assert "bid_volume" in found.notes[0]
    assert "liquidity" in models["pattern"].recognize_patterns(quotes, source=source).current.heads


@pytest.mark.parametrize("task", ["anomaly", "pattern"])
def test_without_a_price_it_is_refused(models, quotes, task):
    other = pd.DataFrame({"price": quotes["bid"]})
    ask = {"anomaly": "detect_anomalies", "pattern": "recognize_patterns"}[task]
    with pytest.raises(ml.ArtifactMismatch):
        getattr(models[task], ask)(other)
