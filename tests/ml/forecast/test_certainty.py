"""No answer is surer than its input allows: then it is no surer than the last value is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ml.predictor import DLPredictor
from ml.results import Forecast
from ml.spec import Source
from ml.tasks import Task
from ml.trainer import DLModelTrainer
from tests.markets import ask
from tests.markets import wandering_market as make_quotes

SMALL = {"epochs": 1, "hidden": 8, "width": 16, "members": 1, "batch_size": 128}
ROWS = 2400


def after_a_pause(quotes: pd.DataFrame) -> pd.DataFrame:
    """The last 30 rows came after half a year of silence, and hardly move."""
    late = quotes.iloc[-30:].copy()
    late[:] = late.iloc[0].to_numpy() * (1 + 1e-6 * np.arange(30)[:, None] % 3)
    late.index += pd.Timedelta(days=180)
    return pd.concat([quotes.iloc[:-30], late])


def full_of_gaps(quotes: pd.DataFrame) -> pd.DataFrame:
    return quotes.drop(quotes.index[-23:-9])


def suddenly_still(quotes: pd.DataFrame) -> pd.DataFrame:
    """Another spread, and no move at all: unlike anything that was learnt from."""
    still = quotes.copy()
    still.iloc[-40:] = [9.0, 11.0]
    return still


DOUBTFUL: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "short": lambda quotes: quotes.iloc[-60:],
    "pause": after_a_pause,
    "gap": full_of_gaps,
    "novel": suddenly_still,
}


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    return make_quotes(ROWS)


@pytest.fixture(scope="module")
def models(quotes, tmp_path_factory):
    trainer = DLModelTrainer(tmp_path_factory.mktemp("models"), device="cpu", step_minutes=30)
    tasks = (Task.PRICE, Task.SPREAD)
    return {
        task: DLPredictor.load(trainer.train(task, quotes.iloc[:2000], **SMALL).folder)
        for task in tasks
    }


@pytest.fixture(params=[Task.PRICE, Task.SPREAD])
def model(request, models):
    return models[request.param]


def holds_the_last_value(model: DLPredictor, quotes: pd.DataFrame, answer: Forecast) -> bool:
    """Whether every interval of the answer holds that of the calibrated last value."""
    origin = pd.DatetimeIndex([answer.as_of])
    base = model.forecast_batch(quotes, origin, reference=True).answer.quantiles[0]
    ours = np.array([list(h.quantiles.values()) for h in answer.horizons])
    slack = 1e-9 * np.abs(base)
    return bool((ours <= base + slack)[:, :3].all() and (ours >= base - slack)[:, 4:].all())


@pytest.mark.parametrize("doubt", DOUBTFUL)
def test_a_doubtful_input_gets_no_narrower_intervals_than_the_last_value(model, quotes, doubt):
    strange = DOUBTFUL[doubt](quotes)
    answer = ask(model, strange)
    assert holds_the_last_value(model, strange, answer)
    assert answer.notes[-1].startswith("intervals are no narrower")


def test_a_stale_answer_is_no_surer_than_the_last_value(model, quotes):
    at = quotes.index[-1] + pd.Timedelta(days=3)
    answer = ask(model, quotes, at=at)
    assert answer.stale
    assert holds_the_last_value(model, quotes, answer)


def test_an_ordinary_input_keeps_the_networks_own_intervals(model, quotes, monkeypatch):
    answer = ask(model, quotes)
    monkeypatch.setattr("ml.forecast.quantiles.enclosing", None)  # nobody may ask for it
    assert ask(model, quotes) == answer
    assert answer.notes == ()


@pytest.mark.parametrize("doubt", ["pause", "gap", "novel"])
def test_many_origins_are_as_unsure_as_one(model, quotes, doubt):
    strange = DOUBTFUL[doubt](quotes)
    answer = ask(model, strange)
    batch = model.forecast_batch(strange, pd.DatetimeIndex([answer.as_of]))
    ours = [list(h.quantiles.values()) for h in answer.horizons]
    np.testing.assert_allclose(batch.answer.quantiles[0], ours, rtol=1e-6)


def test_three_quotes_after_a_years_pause_are_trained_with_and_answered(quotes, tmp_path):
    late = quotes.iloc[-3:].set_axis(quotes.index[-3:] + pd.Timedelta(days=365))
    paused = pd.concat([quotes.iloc[:-3], late])
    report = DLModelTrainer(tmp_path, device="cpu").train(Task.PRICE, paused, **SMALL)
    assert report.step_minutes == 30
    assert report.metrics["n"] > 200  # measured on quotes, not on the pause
    base = ask(DLPredictor.load(report.folder), paused, source=Source.BASELINE)
    width = base.horizons[0].quantiles["0.95"] - base.horizons[0].quantiles["0.05"]
    assert width > 0.001 * base.last_value
