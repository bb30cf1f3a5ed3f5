"""No answer is surer than its input allows: then it is no surer than the last value that is served
beside it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ml.forecast.baseline import as_wide
from ml.forecast.metrics import LEVELS, MEDIAN, QuantileForecast
from ml.forecast.quantiles import QuantileMaker
from ml.forecast.targets import Target
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


def suddenly_wild(quotes: pd.DataFrame) -> pd.DataFrame:
    """The last day moves thirty times as much, price and spread: novel, and the served last value
    is three times as wide as the one that forecasts are measured against."""
    wild = quotes.copy()
    swing = 0.06 * np.random.default_rng(0).normal(size=(48, 1))
    wild.iloc[-48:] *= np.exp(swing + [0.0, 0.05] * np.abs(swing[::-1]))
    return wild


DOUBTFUL: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "short": lambda quotes: quotes.iloc[-60:],
    "pause": after_a_pause,
    "gap": full_of_gaps,
    "novel": suddenly_still,
    "wild": suddenly_wild,
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


def quantiles_of(answer: Forecast) -> np.ndarray:
    return np.array([list(one.quantiles.values()) for one in answer.horizons])


def widths(quantiles: np.ndarray) -> np.ndarray:
    """(..., 3) of the 90, 80 and 50 % intervals."""
    return quantiles[..., :MEDIAN:-1] - quantiles[..., :MEDIAN]


def holds(quantiles: np.ndarray, others: np.ndarray) -> bool:
    """Whether every interval holds the other alike."""
    low, high = LEVELS < 0.5, LEVELS > 0.5
    below, above = (quantiles <= others)[..., low], (quantiles >= others)[..., high]
    return bool(below.all() and above.all())


def unfloored(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on forecasts are what the pool makes of them, however doubtful their input is."""
    monkeypatch.setattr(QuantileMaker, "_floored", lambda maker, answer, *told: answer)


def as_served(model: DLPredictor, quotes: pd.DataFrame, **options) -> np.ndarray:
    """(horizons, levels) of the last value as it is served for the same input."""
    return quantiles_of(ask(model, quotes, source=Source.BASELINE, **options))


@pytest.mark.parametrize("doubt", DOUBTFUL)
def test_a_doubtful_input_gets_no_narrower_intervals_than_the_served_last_value(
    model, quotes, doubt
):
    strange = DOUBTFUL[doubt](quotes)
    answer = ask(model, strange)
    assert (widths(quantiles_of(answer)) >= widths(as_served(model, strange))).all()
    assert answer.notes[-1].startswith("intervals are no narrower")


@pytest.mark.parametrize("doubt", ["none", *DOUBTFUL])
def test_a_stale_answer_has_no_narrower_intervals_than_the_served_last_value(model, quotes, doubt):
    strange = DOUBTFUL.get(doubt, lambda same: same)(quotes)
    at = strange.index[-1] + pd.Timedelta(days=3)
    answer = ask(model, strange, at=at)
    assert answer.stale
    assert (widths(quantiles_of(answer)) >= widths(as_served(model, strange, at=at))).all()


@pytest.mark.parametrize("doubt", DOUBTFUL)
def test_a_doubtful_answer_holds_its_own_and_the_last_values_moves_about_its_own_centre(
    model, quotes, doubt, monkeypatch
):
    strange = DOUBTFUL[doubt](quotes)
    answer, base = quantiles_of(ask(model, strange)), as_served(model, strange)
    last = ask(model, strange).last_value
    unfloored(monkeypatch)
    own = quantiles_of(ask(model, strange))
    np.testing.assert_array_equal(answer[:, MEDIAN], own[:, MEDIAN])
    assert holds(answer, own)
    assert holds(answer, base - last + own[:, MEDIAN, None])
    assert (np.diff(answer, axis=1) >= 0).all()


def test_the_network_alone_would_be_surer_than_the_last_value(model, quotes, monkeypatch):
    """Otherwise the tests above were no tests."""
    unfloored(monkeypatch)
    for doubt in ("short", "pause", "novel", "wild"):
        strange = DOUBTFUL[doubt](quotes)
        own, base = quantiles_of(ask(model, strange)), as_served(model, strange)
        assert (widths(own) < widths(base)).any(), doubt


def test_a_price_is_as_wide_as_the_last_value_where_that_reaches_down_to_nothing():
    base = np.array([0.1, 0.5, 4.0, 10.0, 16.0, 25.0, 60.0])
    own = np.array([0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07])
    last, shape = np.full((1, 4), 10.0), (1, 4, len(LEVELS))
    told = np.broadcast_to(own, shape), QuantileForecast(last, np.broadcast_to(base, shape))
    found = as_wide(*told, Target(Task.PRICE))
    assert (found > 0).all()
    assert (np.diff(found) >= 0).all()
    assert (widths(found) >= widths(base)).all()
    assert (found[..., MEDIAN] == 0.04).all()
    assert (as_wide(*told, Target(Task.SPREAD)) < 0).any()  # sides may cross


def test_an_ordinary_input_keeps_the_networks_own_intervals(model, quotes, monkeypatch):
    answer = ask(model, quotes)
    monkeypatch.setattr("ml.forecast.quantiles.as_wide", None)  # nobody may ask for it
    assert ask(model, quotes) == answer
    assert answer.notes == ()


@pytest.mark.parametrize("doubt", ["pause", "gap", "novel", "wild"])
def test_many_origins_are_as_unsure_as_one(model, quotes, doubt):
    strange = DOUBTFUL[doubt](quotes)
    answer = ask(model, strange)
    batch = model.forecast_batch(strange, pd.DatetimeIndex([answer.as_of]))
    alone = quantiles_of(answer)
    # The networks' single precision is one of the widest move; a low spread is a small part of it.
    rounding = 1e-6 * np.abs(alone).max()
    np.testing.assert_allclose(batch.answer.quantiles[0], alone, rtol=1e-6, atol=rounding)


@pytest.mark.parametrize("doubt", ["pause", "gap", "novel", "wild"])
def test_of_many_origins_no_doubtful_one_is_narrower_than_the_served_last_value(
    model, quotes, doubt
):
    strange = DOUBTFUL[doubt](quotes)
    origins = pd.date_range(strange.index[-6].floor("30min"), strange.index[-1], freq="30min")
    ours = model.forecast_batch(strange, origins)
    base = model.forecast_batch(strange, origins, source=Source.BASELINE)
    notes = [ask(model, strange, at=at).notes for at in ours.origins]
    unsure = [any(note.startswith("intervals are no narrower") for note in said) for said in notes]
    assert sum(unsure) > 3
    pairs = [widths(one.answer.quantiles)[unsure] for one in (ours, base)]
    assert (pairs[0] >= pairs[1]).all()


def test_three_quotes_after_a_years_pause_are_trained_with_and_answered(quotes, tmp_path):
    late = quotes.iloc[-3:].set_axis(quotes.index[-3:] + pd.Timedelta(days=365))
    paused = pd.concat([quotes.iloc[:-3], late])
    report = DLModelTrainer(tmp_path, device="cpu").train(Task.PRICE, paused, **SMALL)
    assert report.step_minutes == 30
    assert report.metrics["n"] > 200  # measured on quotes, not on the pause
    base = ask(DLPredictor.load(report.folder), paused, source=Source.BASELINE)
    width = base.horizons[0].quantiles["0.95"] - base.horizons[0].quantiles["0.05"]
    assert width > 0.001 * base.last_value
