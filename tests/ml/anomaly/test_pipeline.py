"""A detector is trained on a small synthetic market, measured and served."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ml.anomaly import pipeline
from ml.anomaly.server import AnomalyServer, load
from ml.artifact import Artifact
from ml.errors import ArtifactMismatch, NotEnoughData
from ml.families.autoencoder import AutoencoderConfig
from ml.pipeline import FitContext, Fitted
from ml.registry import get_spec
from ml.spec import LabelledSpan, Source
from tests.markets import calm_market as market

CONFIG = AutoencoderConfig(epochs=3, members=1, channels=8, latent=6)
ROWS = 2600
CPU = torch.device("cpu")


def fitted(quotes: pd.DataFrame, workdir: Path, labels: tuple[LabelledSpan, ...] = ()) -> Fitted:
    context = FitContext(device=CPU, workdir=workdir, step_minutes=30, labels=labels)
    return pipeline.fit(get_spec("autoencoder"), CONFIG, quotes, context)


def served(fit: Fitted) -> AnomalyServer:
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
    return load(Artifact(Path("detector"), manifest, fit.tensors, fit.graph), "cpu")


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
        np.testing.assert_array_equal(tensor, again.tensors[name])


def test_the_test_stretch_changes_no_weight_and_no_threshold(fit: Fitted, tmp_path: Path) -> None:
    altered = market()
    altered.loc[altered.index >= fit.test_from] *= 2
    assert fitted(altered, tmp_path).section == fit.section


def test_too_little_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData) as caught:
        fitted(market(400), tmp_path)
    assert caught.value.present == 400 < caught.value.needed


def test_a_price_alone_is_enough(tmp_path: Path) -> None:
    quotes = market(1500, price_only=True)
    server = served(fitted(quotes, tmp_path))
    quotes.iloc[1400] *= 1.3
    answer = scan(server, quotes)
    found = {a.timestamp: a for a in answer.anomalies}[quotes.index[1400]]
    assert found.kind == "spike"
    assert set(found.expected) == {"price"}


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


def test_a_detector_of_an_older_make_is_refused(fit: Fitted) -> None:
    old = dataclasses.replace(fit, section={**fit.section, "rules": {}})
    del old.section["heads"]
    with pytest.raises(ArtifactMismatch, match="older make"):
        served(old)


def test_the_names_in_an_artifact_are_those_of_stored_ones(fit: Fitted) -> None:
    stored = "baseline features heads network promises public_threshold usual_minutes"
    assert sorted(fit.section) == stored.split()
    assert fit.section["promises"].keys() == {"network", "baseline"}
    assert fit.section["promises"]["network"].keys() == {"weekly", "slope"}
    assert sorted(fit.section["heads"]) == ["crossed_rate", "fallback", "names", "runs", "tails"]
