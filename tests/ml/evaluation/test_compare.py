"""Two trained models on one stretch: forecasters, recognisers, detectors, on small markets."""

from __future__ import annotations

import pandas as pd
import pytest

from ml.errors import NotEnoughData
from ml.evaluation.compare import compare_models
from ml.predictor import DLPredictor
from ml.spec import Source
from ml.tasks import HORIZONS
from ml.trainer import DLModelTrainer
from tests.markets import calm_market as quiet_market
from tests.markets import regime_market as trending_market
from tests.markets import wandering_market as make_quotes

SMALL = {
    "gru": {"epochs": 1, "members": 1, "hidden": 8, "width": 16, "batch_size": 128},
    "cnn": {"epochs": 1, "channels": 8, "steps": 8, "batch_size": 128},
    "autoencoder": {"epochs": 1, "members": 1, "channels": 8, "latent": 4, "batch_size": 64},
}


def trained(quotes, family, folder, **params):
    report = DLModelTrainer(folder, device="cpu", step_minutes=30).train(
        family, quotes, **{**SMALL[family], **params}
    )
    return DLPredictor.load(report.folder), report


@pytest.fixture(scope="module")
def forecasters(tmp_path_factory):
    """(quotes, champion trained on the first part, challenger on all, its report)."""
    quotes = make_quotes(2200)
    champion, _ = trained(quotes.iloc[:1700], "gru", tmp_path_factory.mktemp("a"))
    challenger, report = trained(quotes, "gru", tmp_path_factory.mktemp("b"), seed=3)
    return quotes, champion, challenger, report


def test_forecasters_are_compared_origin_by_origin(forecasters):
    quotes, champion, challenger, report = forecasters
    found = compare_models(
        champion, challenger, quotes, start=report.test_from, end=quotes.index[-1].to_pydatetime()
    )
    test = found.test
    assert (found.metric, found.higher_is_better, found.note) == ("crps", False, "")
    assert test.method == "diebold_mariano"
    assert test.difference == pytest.approx(test.challenger - test.champion)
    assert 0 <= test.p_value <= 1
    # The mean of the losses is the metric by which versions are known.
    evaluated = challenger.evaluate(
        quotes, start=report.test_from, end=quotes.index[-1].to_pydatetime()
    )
    assert test.challenger == pytest.approx(evaluated["crps"], rel=1e-6)
    assert [pair.steps for pair in found.horizons] == list(HORIZONS)
    for pair in found.horizons:
        assert pair.challenger == pytest.approx(evaluated[f"crps_h{pair.steps}"], rel=1e-6)


def test_a_model_does_not_differ_from_itself(forecasters):
    quotes, _, challenger, report = forecasters
    end = quotes.index[-1].to_pydatetime()
    found = compare_models(challenger, challenger, quotes, start=report.test_from, end=end)
    assert (found.test.difference, found.test.p_value) == (0.0, 1.0)


def test_quotes_after_the_stretch_change_nothing(forecasters):
    quotes, champion, challenger, report = forecasters
    end = quotes.index[-200]
    wild = quotes.copy()
    wild.loc[end + pd.Timedelta(minutes=1) :] *= 3
    first, second = (
        compare_models(champion, challenger, q, start=report.test_from, end=end.to_pydatetime())
        for q in (quotes, wild)
    )
    assert first == second


def test_models_of_different_steps_get_a_figure_each_and_no_test(forecasters, tmp_path):
    quotes, champion, _, report = forecasters
    hourly = DLModelTrainer(tmp_path, device="cpu", step_minutes=60)
    other = hourly.train("gru", make_quotes(4400).iloc[:-1], **SMALL["gru"])
    end = quotes.index[-1].to_pydatetime()
    found = compare_models(
        champion, DLPredictor.load(other.folder), quotes, start=report.test_from, end=end
    )
    assert (found.test.method, found.test.p_value, found.note) == ("figures", None, "other_grid")


def test_an_empty_stretch_is_refused(forecasters):
    quotes, champion, challenger, _ = forecasters
    late = quotes.index[-1].to_pydatetime()
    with pytest.raises(NotEnoughData):
        compare_models(champion, challenger, quotes, start=late, end=late)


@pytest.mark.parametrize("family", ["cnn", "autoencoder"])
def test_recognisers_and_detectors_are_compared_row_by_row(family, tmp_path):
    quotes = (trending_market if family == "cnn" else quiet_market)(2600)
    champion, _ = trained(quotes.iloc[:2000], family, tmp_path / "a")
    challenger, report = trained(quotes, family, tmp_path / "b", seed=3)
    end = quotes.index[-1].to_pydatetime()
    found = compare_models(champion, challenger, quotes, start=report.test_from, end=end)
    test = found.test
    assert test.method == "paired_block_bootstrap"
    assert found.higher_is_better
    assert test.low <= test.difference <= test.high
    assert 0 < test.p_value <= 1
    # Within a row or two of the borders, the figure is the metric by which versions are known.
    known = challenger.evaluate(quotes, start=report.test_from, end=end, source=Source.NETWORK)
    assert test.challenger == pytest.approx(known[found.metric], abs=0.02)
    same = compare_models(challenger, challenger, quotes, start=report.test_from, end=end)
    assert same.test.difference == 0
    assert same.test.p_value == 1.0
