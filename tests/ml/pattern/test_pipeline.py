"""The pattern task end to end on a small synthetic market, and its parts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ml.artifact import Artifact
from ml.errors import ArtifactMismatch, NotEnoughData
from ml.families.cnn import CNNConfig
from ml.grid import build_grid
from ml.networks import inference
from ml.pattern import loading, pipeline
from ml.pattern.course import HALF, WARM_UP, Course
from ml.pattern.features import make_channels, whole_windows
from ml.pattern.labels import CLASSES, make_labels
from ml.pattern.naming import CLEAR_FROM, LABELS
from ml.pattern.server import PatternRecognizer
from ml.pattern.training import EMBARGO
from ml.pipeline import FitContext, Fitted
from ml.registry import get_spec
from ml.spec import Source
from tests.markets import regime_market as market

CONFIG = CNNConfig(epochs=2, channels=8, steps=8)
CPU = torch.device("cpu")


def fitted(quotes: pd.DataFrame, workdir: Path) -> Fitted:
    context = FitContext(device=CPU, workdir=workdir, step_minutes=30)
    return pipeline.fit(get_spec("cnn"), CONFIG, quotes, context)


def served(fit: Fitted, way: str | None = None) -> PatternRecognizer:
    """As loaded from an artifact; `way` "eager" without looking for a faster one."""
    manifest = {
        "task": "pattern",
        "family": "cnn",
        "baseline": "trailing_rule",
        "section": json.loads(json.dumps(fit.section, allow_nan=False)),
        "step_minutes": 30,
        "window": fit.window,
        "input_columns": list(fit.input_columns),
        "config": vars(CONFIG),
    }
    artifact = Artifact(Path("recogniser"), manifest, fit.tensors, fit.graph)
    with pytest.MonkeyPatch.context() as patch:
        if way == "eager":
            patch.setattr(inference, "_onnxruntime", lambda *_how: None)
        return loading.load(artifact, "cpu")


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fitted(market(), tmp_path_factory.mktemp("pattern"))


@pytest.fixture(scope="module")
def server(fit: Fitted) -> PatternRecognizer:
    return served(fit)


def test_fit_measures_network_and_rule_alike(fit: Fitted) -> None:
    assert fit.metrics.keys() == fit.baseline_metrics.keys()
    for name in ("macro_f1", "accuracy", "ece", "f1_movement", "f1_agitation"):
        assert 0 <= fit.metrics[name] <= 1
    assert fit.trained_until < fit.test_from


def test_same_seed_gives_same_weights(fit: Fitted, tmp_path: Path) -> None:
    again = fitted(market(), tmp_path)
    assert again.section == fit.section
    for name, tensor in fit.tensors.items():
        np.testing.assert_array_equal(tensor, again.tensors[name])


def test_the_test_stretch_changes_no_weight(fit: Fitted, tmp_path: Path) -> None:
    altered = market()
    altered.loc[altered.index >= fit.test_from] *= 2
    again = fitted(altered, tmp_path)
    assert again.section == fit.section
    for name, tensor in fit.tensors.items():
        # The library of analogues remembers the test stretch; nothing was learned from it.
        if not name.startswith("library."):
            np.testing.assert_array_equal(tensor, again.tensors[name], err_msg=name)


def test_hindsight_is_in_the_labels_and_nowhere_else(server: PatternRecognizer) -> None:
    quotes = market()
    altered, cut = quotes.copy(), 2000
    altered.iloc[cut:] *= 1 + np.linspace(0, 1, len(quotes) - cut)[:, None]
    one, two = build_grid(quotes), build_grid(altered)
    np.testing.assert_array_equal(make_channels(one)[1][:cut], make_channels(two)[1][:cut])
    for centred in (True, False):
        before, after = (make_labels(g, centred=centred)["movement"] for g in (one, two))
        changed = np.flatnonzero(before != after)
        first = cut - HALF if centred else cut
        assert changed.min() >= first
        assert not centred or changed.min() < cut
    for source in Source:
        answers = [
            server.recognize(q, at=quotes.index[cut - 1], history=20, source=source)
            for q in (quotes, altered)
        ]
        assert answers[0].current == answers[1].current
        assert answers[0].history == answers[1].history
        assert answers[0].analogues == answers[1].analogues


def test_labels_reach_no_further_ahead_than_the_embargo() -> None:
    quotes = market()
    altered, cut = quotes.copy(), 2000
    altered.iloc[cut:] *= 3
    one, two = (make_labels(build_grid(q), centred=True) for q in (quotes, altered))
    for head in one:
        at = cut - EMBARGO
        np.testing.assert_array_equal(one[head][:at], two[head][:at])


def test_recognition_is_a_distribution_per_head(server: PatternRecognizer) -> None:
    quotes = market()
    for source in Source:
        answer = server.recognize(quotes, at=quotes.index[-1], history=5, source=source)
        assert len(answer.history) == 5
        for pattern in (*answer.history, answer.current):
            assert set(pattern.heads) == set(CLASSES)
            assert pattern.label in LABELS
            assert pattern.clear == (pattern.probability >= CLEAR_FROM)
            for dist in pattern.heads.values():
                assert sum(dist.values()) == pytest.approx(1)
        assert answer.current.as_of == quotes.index[-1]
        assert answer.current.as_of > answer.history[-1].as_of


def test_a_part_of_the_history_gives_the_same_answer(server: PatternRecognizer) -> None:
    quotes, at = market(), market().index[2100]
    answers = [
        server.recognize(quotes.loc[:at], at=at, history=h, source=Source.NETWORK).current
        for h in (0, 50)
    ]
    assert answers[0].probability == pytest.approx(answers[1].probability, abs=1e-5)


def test_a_steady_rise_is_an_up_trend_to_the_rule(server: PatternRecognizer) -> None:
    quotes = market()
    steps = np.exp(0.004 * np.clip(np.arange(len(quotes)) - 2500, 0, None))
    rising = quotes.mul({"bid": 1, "ask": 1, "bid_volume": 0, "ask_volume": 0}, axis=1)
    rising = rising.mul(steps, axis=0)[["bid", "ask"]].join(quotes[["bid_volume", "ask_volume"]])
    answer = server.recognize(rising, at=rising.index[-1], history=0, source=Source.BASELINE)
    movement = answer.current.heads["movement"]
    assert max(movement, key=lambda k: movement[k]) == "up"


def test_short_history_is_refused_or_noted(server: PatternRecognizer) -> None:
    quotes = market()
    with pytest.raises(NotEnoughData) as caught:
        server.recognize(quotes.iloc[:100], at=quotes.index[99], history=0, source=Source.NETWORK)
    assert (caught.value.needed, caught.value.present) == (WARM_UP, 100)
    short = quotes.iloc[: WARM_UP + 5]
    answer = server.recognize(short, at=short.index[-1], history=50, source=Source.NETWORK)
    assert "short history" in answer.notes[0]


def test_too_little_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData):
        fitted(market(600), tmp_path)


@pytest.mark.parametrize("where", ["a lone row years before", "three rows a year later"])
def test_a_long_gap_leaves_enough_to_learn_from_and_to_judge_on(where: str, tmp_path: Path) -> None:
    quotes = market(2000)
    years = pd.Timedelta(days=4 * 365 if where.startswith("a lone") else -365)
    far = quotes.iloc[:1] if where.startswith("a lone") else quotes.iloc[-3:]
    apart = far.set_axis(far.index - years)
    fit = fitted(pd.concat([quotes, apart]).sort_index(), tmp_path)
    assert quotes.index[0] < fit.trained_until < fit.test_from < quotes.index[-1]
    assert 0.7 < (fit.test_from - quotes.index[0]) / (quotes.index[-1] - quotes.index[0]) < 0.9


def test_missing_columns_are_refused(server: PatternRecognizer) -> None:
    quotes = market(price_only=True)
    with pytest.raises(ArtifactMismatch):
        server.recognize(quotes, at=quotes.index[-1], history=0, source=Source.NETWORK)


def test_a_price_alone_is_enough(tmp_path: Path) -> None:
    quotes = market(1800, price_only=True)
    fit = fitted(quotes, tmp_path)
    answer = served(fit).recognize(quotes, at=quotes.index[-1], history=0, source=Source.NETWORK)
    assert set(answer.current.heads) == {"movement", "agitation"}
    assert Course(build_grid(quotes)).heads() == ()


def test_evaluate_agrees_with_the_training(fit: Fitted, server: PatternRecognizer) -> None:
    quotes = market()
    for source, figures in (
        (Source.NETWORK, fit.metrics),
        (Source.BASELINE, fit.baseline_metrics),
    ):
        again = server.evaluate(quotes, start=fit.test_from, end=quotes.index[-1], source=source)
        assert again["macro_f1"] == pytest.approx(figures["macro_f1"], abs=1e-6)


def test_windows_do_not_bridge_a_gap() -> None:
    quotes = market(400)
    grid = build_grid(quotes.drop(quotes.index[200:230]))
    whole = whole_windows(grid, 48, step_minutes=30)
    gone = np.flatnonzero(grid["age"].to_numpy() > 180)
    assert not whole[gone[0] : gone[-1] + 48].any()
    assert whole[gone[-1] + 48]
    assert not whole[:47].any()


def test_without_a_test_stretch_everything_is_learned_and_the_folds_judge(
    fit: Fitted, tmp_path: Path
) -> None:
    context = FitContext(device=CPU, workdir=tmp_path, step_minutes=30, hold_out=False)
    whole = pipeline.fit(get_spec("cnn"), CONFIG, market(), context)
    assert whole.trained_until > fit.trained_until
    assert whole.metrics.keys() == fit.metrics.keys()
    assert 0 <= whole.metrics["macro_f1"] <= 1


def test_similar_moments_are_answered_from_the_past_alone(
    server: PatternRecognizer,
) -> None:
    quotes = market()
    at = quotes.index[2200]
    found = server.recognize(quotes.loc[:at], at=at, history=0, source=Source.NETWORK).analogues
    assert found is not None
    assert found.nearest[0].as_of <= at - pd.Timedelta(days=1)
    levels = list(found.quantiles.values())
    assert levels == sorted(levels)
    rule = server.recognize(quotes.loc[:at], at=at, history=0, source=Source.BASELINE)
    assert rule.analogues is None


def test_an_artifact_of_another_version_is_refused(fit: Fitted) -> None:
    manifest = {"task": "pattern", "family": "cnn", "baseline": "trailing_rule"}
    manifest |= {"section": {"window": 48}}
    manifest |= {"config": {**vars(CONFIG), "stride": 2}}
    with pytest.raises(ArtifactMismatch):
        loading.load(Artifact(Path("recogniser"), manifest, fit.tensors, fit.graph), "cpu")


def test_what_is_held_is_told_with_its_beginning(server: PatternRecognizer) -> None:
    quotes = market()
    answer = server.recognize(quotes, at=quotes.index[-1], history=40, source=Source.NETWORK)
    pair = (answer.history[-1], answer.current)
    for head, held in answer.current.held.items():
        assert held.name in CLASSES[head]
        assert held.since <= answer.current.as_of
        before = pair[0].held[head]
        assert (before.name == held.name) == (held.since < answer.current.as_of)


def test_what_is_remembered_of_the_last_answer_changes_none(fit: Fitted) -> None:
    quotes, server = market(), served(fit)
    spoiled = quotes.copy()
    spoiled.iloc[-20] *= 1.02
    moments = [(quotes, at) for at in quotes.index[[-30, -29, -28, -10]]]
    for frame, at in [*moments, (spoiled, quotes.index[-9]), (quotes, quotes.index[-200])]:
        found, fresh = (
            one.recognize(frame.loc[:at], at=at, history=0, source=Source.NETWORK)
            for one in (server, served(fit))
        )
        assert found.current.held == fresh.current.held
        for head, told in found.current.heads.items():
            assert told == pytest.approx(fresh.current.heads[head], abs=1e-9)
        assert found.analogues.quantiles == pytest.approx(fresh.analogues.quantiles, abs=1e-9)
        for one, other in zip(found.analogues.nearest, fresh.analogues.nearest, strict=True):
            assert one.as_of == other.as_of
            # The networks round in single precision, by how many windows they are asked at once.
            assert one.distance == pytest.approx(other.distance, abs=1e-5)
