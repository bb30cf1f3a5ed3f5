"""The distance of an input from the training data, and what it does to the intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.forecast.features import FeatureMaker
from ml.forecast.novelty import ONSET, NoveltyIndex, fit_novelty, stretch, traits
from ml.forecast.series import make_series
from ml.forecast.targets import Target
from ml.grid import build_grid
from ml.predictor import DLPredictor
from ml.results import Forecast
from ml.tasks import Task
from ml.trainer import DLModelTrainer
from tests.markets import ask
from tests.markets import wandering_market as make_quotes

SMALL = {"epochs": 1, "hidden": 8, "width": 16, "members": 1, "batch_size": 128}
FORECASTS = (Task.PRICE, Task.SPREAD)
ROWS = 2400


def shifted(quotes: pd.DataFrame, *, moves: float = 1.0, spread: float = 1.0) -> pd.DataFrame:
    """The last two days with larger moves and a wider spread."""
    mid = np.log((quotes["bid"] + quotes["ask"]) / 2)
    half = np.log(quotes["ask"] / quotes["bid"]) / 2
    late = np.arange(len(quotes)) >= len(quotes) - 96
    steps = mid.diff().fillna(0.0)
    mid = mid.iloc[0] + steps.where(~late, steps * moves).cumsum()
    half = half.where(~late, half * spread)
    return pd.DataFrame({"bid": np.exp(mid - half), "ask": np.exp(mid + half)})


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    return make_quotes(ROWS)


@pytest.fixture(scope="module")
def predictors(quotes, tmp_path_factory):
    trainer = DLModelTrainer(tmp_path_factory.mktemp("models"), device="cpu", step_minutes=30)
    return {
        task: DLPredictor.load(trainer.train(task, quotes.iloc[:2000], **SMALL).folder)
        for task in FORECASTS
    }


@pytest.fixture(params=FORECASTS)
def predictor(request, predictors):
    return predictors[request.param]


def unwidened(predictor: DLPredictor, quotes: pd.DataFrame, monkeypatch) -> Forecast:
    with monkeypatch.context() as patch:
        patch.setattr("ml.forecast.quantiles.stretch", np.ones_like)
        return ask(predictor, quotes)


@pytest.fixture
def unfloored(monkeypatch):
    """Only what novelty does by itself: nothing is compared with the baseline's intervals."""
    nowhere = lambda maker, rows, novelty: np.full(len(rows), False)  # noqa: E731
    monkeypatch.setattr("ml.forecast.quantiles.doubtful", nowhere)


def half_widths(forecast: Forecast) -> np.ndarray:
    """(horizons, 2) from the median to the outermost quantiles."""
    found = [list(h.quantiles.values()) for h in forecast.horizons]
    values = np.log(found) if forecast.unit == "price" else np.array(found)
    return np.abs(values[:, [0, -1]] - values[:, [3]])


@pytest.mark.usefixtures("unfloored")
@pytest.mark.parametrize("shift", [{"moves": 5.0}, {"spread": 10.0}])
def test_a_shifted_input_is_new_and_widens_what_is_said(predictor, quotes, shift, monkeypatch):
    usual, strange = ask(predictor, quotes), ask(predictor, shifted(quotes, **shift))
    assert usual.novelty < ONSET < strange.novelty
    assert not any("unlike" in note for note in usual.notes)
    assert any("unlike the training data" in note for note in strange.notes)
    plain = unwidened(predictor, shifted(quotes, **shift), monkeypatch)
    for ours, without in zip(strange.horizons, plain.horizons, strict=True):
        assert without.quantiles["0.1"] <= ours.value <= without.quantiles["0.9"]
    factor = stretch(np.array([strange.novelty]))[0]
    assert factor > 1.05
    wider = half_widths(strange).sum(axis=1) / half_widths(plain).sum(axis=1)
    assert ((wider > 1.03) & (wider < 1.05 * factor)).all()


@pytest.mark.usefixtures("unfloored")
def test_of_a_market_that_stays_strange_the_pool_learns_the_width(predictor, quotes, monkeypatch):
    origins = quotes.index.ceil("30min").unique()[-100:-1]

    def widths(factor: float) -> tuple[np.ndarray, np.ndarray]:
        monkeypatch.setattr("ml.forecast.quantiles.stretch", lambda n: np.full_like(n, factor))
        quantiles = predictor.forecast_batch(quotes, origins).answer.quantiles
        alone = half_widths(ask(predictor, quotes.iloc[-24:])).sum(axis=1)
        return (quantiles[..., -1] - quantiles[..., 0]).mean(axis=0), alone

    (always, alone), (never, plain) = widths(1.5), widths(1.0)
    assert (always / never < 1.35).all()
    # A network's window alone has no weeks to learn from.
    np.testing.assert_allclose(alone, 1.5 * plain, rtol=1e-2)


def test_usual_inputs_are_left_alone(predictor, quotes, monkeypatch):
    batch = predictor.forecast_batch(quotes, quotes.index[2000:])
    assert (batch.answer.novelty < ONSET).mean() > 0.95
    assert (batch.answer.novelty > 0).all()
    plain = unwidened(predictor, quotes, monkeypatch)
    assert half_widths(ask(predictor, quotes)).tolist() == half_widths(plain).tolist()


def test_the_windows_own_rows_have_a_novelty_too(predictor, quotes):
    short = ask(predictor, quotes.iloc[-24:])
    assert 0 < short.novelty < np.inf
    strange = ask(predictor, shifted(quotes, moves=5.0, spread=10.0).iloc[-24:])
    assert strange.novelty > short.novelty


# ------------------------------------------------------------------------------------- its parts
def make_maker(quotes: pd.DataFrame, task: Task = Task.PRICE) -> FeatureMaker:
    series = make_series(build_grid(quotes, step_minutes=30), Target(task), 30)
    return FeatureMaker(series, 24)


@pytest.mark.parametrize("task", [Task.PRICE, Task.SPREAD])
def test_traits_ignore_the_future(task, quotes):
    changed = quotes.copy()
    changed.iloc[1501:] *= np.linspace(2, 5, ROWS - 1501)[:, None]
    rows, found = np.arange(1400, 1501), []
    for frame in (quotes, changed):
        series = make_series(build_grid(frame, step_minutes=30), Target(task), 30)
        maker = FeatureMaker(series, 24, typical=make_maker(quotes, task).typical)
        found.append(traits(maker, rows, maker.long_scale[rows]))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)
    assert np.isfinite(found[0]).all()


def test_a_price_without_sides_has_fewer_traits(quotes):
    price = make_maker(quotes[["bid"]].set_axis(["price"], axis=1))
    sides = make_maker(quotes)
    rows = np.arange(1000, 1010)
    one, two = (traits(m, rows, m.long_scale[rows]).shape[1] for m in (price, sides))
    assert one == two - 2


def test_the_edge_is_what_validation_reached(quotes):
    maker = make_maker(quotes)
    index = fit_novelty(maker, range(400, 1600), range(1700, 2300))
    first = fit_novelty(maker, range(400, 1600), range(1700, 2300))
    rows = np.arange(1700, 2300)
    alone = NoveltyIndex(
        first.points[: len(first.points) // 2], first.centre, first.width, first.edge
    )
    novelty = alone(maker, rows, maker.long_scale[rows])
    assert 0.9 < np.quantile(novelty, 0.99) < 1.6
    # The validation stretch is among the points that are kept: there nothing is new.
    assert index(maker, rows, maker.long_scale[rows]).mean() < novelty.mean()


def test_distance_grows_outwards_and_skips_what_is_unknown():
    points = np.random.default_rng(0).standard_normal((200, 3)).astype("float32")
    index = NoveltyIndex(points, np.zeros(3), np.ones(3), np.asarray(0.5))
    far = index.distance(np.array([[0.0, 0, 0], [4.0, 0, 0], [8.0, 0, 0]]))
    assert far[0] < far[1] < far[2]
    assert index.distance(points[:300].astype("float64")).max() == pytest.approx(0, abs=1e-6)
    assert index.distance(np.array([[np.nan, 0.0, 0.0]]))[0] <= far[0]


def test_an_index_survives_its_artifact(quotes):
    maker = make_maker(quotes)
    index = fit_novelty(maker, range(400, 1600), range(1700, 2300))
    again = NoveltyIndex.restore({"other": None, **index.tensors()})
    rows = np.arange(1900, 1950)
    scale = maker.long_scale[rows]
    np.testing.assert_array_equal(again(maker, rows, scale), index(maker, rows, scale))
    assert NoveltyIndex.restore({}) is None


def test_intervals_widen_in_proportion_up_to_half_as_wide_again():
    novelty = np.array([0.0, 1.0, ONSET, 1.2 * ONSET, 50.0])
    assert stretch(novelty) == pytest.approx([1.0, 1.0, 1.0, 1.2, 1.5])
