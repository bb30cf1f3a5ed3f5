"""Where a market moves more than in its month, intervals made of that month are widened."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.baselines import baseline_predictor
from ml.forecast.baseline import last_value, residual_climatology, served_last_value
from ml.forecast.metrics import LEVELS
from ml.forecast.series import Series, make_series
from ml.forecast.targets import Target
from ml.forecast.unrest import MOST, unrest
from ml.grid import build_grid
from ml.predictor import DLPredictor
from ml.spec import Source
from ml.tasks import HORIZONS, Task
from ml.trainer import DLModelTrainer
from tests.markets import ask
from tests.markets import wandering_market as make_quotes

SMALL = {"epochs": 1, "hidden": 8, "width": 16, "members": 1, "batch_size": 128}
ROWS, BREAK = 2600, 2200


def broken(quotes: pd.DataFrame, factor: float, *, at: int = BREAK) -> pd.DataFrame:
    """From the row `at` on prices move `factor` times as much."""
    path = np.log(quotes.mean(axis=1)).to_numpy()
    more = np.where(np.arange(len(path)) >= at, (factor - 1) * (path - path[at]), 0.0)
    return quotes.mul(np.exp(more), axis=0)


def series_of(quotes: pd.DataFrame, task: Task = Task.PRICE) -> Series:
    return make_series(build_grid(quotes, step_minutes=30), Target(task), 30)


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    return make_quotes(ROWS)


@pytest.fixture(scope="module")
def model(quotes, tmp_path_factory) -> DLPredictor:
    trainer = DLModelTrainer(tmp_path_factory.mktemp("models"), device="cpu", step_minutes=30)
    return DLPredictor.load(trainer.train(Task.PRICE, quotes.iloc[:2000], **SMALL).folder)


def outside(quantiles: np.ndarray, series: Series, rows: np.ndarray, place: int) -> float:
    truth = series.value[rows + HORIZONS[place]]
    ends = quantiles[:, place]
    return float(((truth < ends[:, 0]) | (truth > ends[:, -1])).mean())


# ------------------------------------------------------------------------------------- the measure
def test_a_day_like_its_month_is_no_unrest_and_a_calm_one_narrows_nothing(quotes):
    rows = np.arange(1500, 2500)
    found = unrest(series_of(quotes), rows)
    assert found.min() == 1
    assert found.max() < 1.5
    assert (unrest(series_of(broken(quotes, 0.2)), rows[rows > BREAK + 48]) == 1).all()


def test_a_wild_day_is_measured_within_a_day_and_capped():
    quotes = make_quotes(ROWS)
    day_after = np.array([BREAK + 48])
    assert 2 < unrest(series_of(broken(quotes, 2.5)), day_after)[0] < MOST
    assert unrest(series_of(broken(quotes, 50.0)), day_after)[0] == MOST


def every_fourth(quotes: pd.DataFrame, since: int = BREAK) -> pd.DataFrame:
    """From the row `since` on three of four quotes are missing."""
    return quotes.iloc[np.r_[0:since, since : len(quotes) : 4]]


def test_a_walk_that_is_quoted_more_rarely_is_as_wild_as_before():
    quotes = make_quotes(ROWS)
    rows = np.arange(BREAK + 96, BREAK + 240)
    usual = unrest(series_of(every_fourth(quotes)), rows)
    assert 1 < usual.mean() < 1.3
    wild = unrest(series_of(every_fourth(broken(quotes, 3))), rows)
    whole = unrest(series_of(broken(quotes, 3)), rows)
    assert 0.75 < wild.mean() / whole.mean() < 1.25


def test_quotes_that_have_always_been_rare_are_no_unrest(quotes):
    rows = np.arange(2300, 2500)
    assert unrest(series_of(every_fourth(quotes, since=0)), rows).max() < 2


def test_one_usual_day_ends_no_storm(quotes):
    storm = broken(quotes, 5, at=BREAK)
    usual = series_of(broken(storm, 0.2, at=BREAK + 72))
    assert unrest(usual, np.array([BREAK + 72 + 48]))[0] > 1.2
    assert unrest(usual, np.array([BREAK + 72 + 5 * 48]))[0] == 1


def test_too_little_or_no_move_at_all_is_no_unrest(quotes):
    assert (unrest(series_of(quotes.iloc[:80]), np.arange(79)) == 1).all()
    still = quotes.copy()
    still[:] = [9.9, 10.1]
    assert (unrest(series_of(still), np.arange(0, ROWS, 50)) == 1).all()


def test_unrest_of_a_moment_is_the_same_alone_and_whatever_comes_later(quotes):
    series, rows = series_of(broken(quotes, 3)), np.arange(2000, 2400, 7)
    many = unrest(series, rows)
    later = series_of(broken(broken(quotes, 3), 40.0, at=2400))
    np.testing.assert_allclose(unrest(later, rows), many, rtol=1e-9)
    alone = [unrest(series, np.array([row]))[0] for row in rows]
    np.testing.assert_allclose(alone, many, rtol=1e-9)


# ---------------------------------------------------------------------------- what is served of it
@pytest.mark.parametrize("task", [Task.PRICE, Task.SPREAD])
def test_the_served_baseline_holds_every_interval_of_the_one_that_measures(quotes, task):
    series, rows = series_of(broken(quotes, 3), task), np.arange(1400, ROWS)
    told = (series, rows, Target(task), residual_climatology(series.y))
    plain, served = last_value(*told), served_last_value(*told)
    np.testing.assert_array_equal(plain.value, served.value)
    low, high = LEVELS < 0.5, LEVELS > 0.5
    slack = 1e-9 * np.abs(plain.quantiles)
    assert (served.quantiles <= plain.quantiles + slack)[..., low].all()
    assert (served.quantiles >= plain.quantiles - slack)[..., high].all()


def test_after_a_break_the_served_baseline_covers_what_it_promises(quotes):
    series, rows = series_of(broken(quotes, 4)), np.arange(BREAK + 24, BREAK + 200)
    told = (series, rows, Target(Task.PRICE), residual_climatology(series.y))
    for place in (0, 1):
        plain = outside(last_value(*told).quantiles, series, rows, place)
        served = outside(served_last_value(*told).quantiles, series, rows, place)
        assert plain > 0.3
        assert served < 0.2


def test_what_forecasts_are_measured_against_is_not_widened(model, quotes):
    wild = broken(quotes, 4)
    origins = wild.index[BREAK + 24 : BREAK + 72]
    reference = model.forecast_batch(wild, origins, reference=True).answer.quantiles
    series = series_of(wild)
    rows = series.index.get_indexer(origins.as_unit("ns"))
    plain = last_value(series, rows, Target(Task.PRICE), [[0.0] * len(LEVELS)] * len(HORIZONS))
    np.testing.assert_allclose(reference, plain.quantiles, rtol=1e-9)
    served = model.forecast_batch(wild, origins, source=Source.BASELINE).answer.quantiles
    assert (np.ptp(served, axis=-1) > 1.2 * np.ptp(reference, axis=-1)).all()


@pytest.mark.parametrize("source", list(Source))
def test_no_widening_looks_ahead(model, quotes, source):
    wild = broken(quotes, 3)
    at = wild.index[BREAK + 40]
    later = broken(wild, 20.0, at=BREAK + 41)
    origins = pd.DatetimeIndex([at])
    one = ask(model, wild, at=at, source=source)
    assert one == ask(model, later, at=at, source=source)
    batch = model.forecast_batch(later.loc[:at], origins, source=source).answer.quantiles
    np.testing.assert_allclose(
        batch, model.forecast_batch(wild, origins, source=source).answer.quantiles, rtol=1e-9
    )


def test_a_restless_day_is_told_and_a_usual_one_is_not(model, quotes):
    at = quotes.index[BREAK + 47]
    for source, least in ((Source.NETWORK, 1.03), (Source.BASELINE, 1.5)):
        (said,) = [
            n for n in ask(model, broken(quotes, 4), at=at, source=source).notes if n[:4] == "rest"
        ]
        assert float(said.split("are ")[1].split(" times")[0]) > least
        assert not any("restless" in n for n in ask(model, quotes, at=at, source=source).notes)


def test_a_young_market_is_widened_too(quotes):
    young, calm = (
        broken(quotes, 4).iloc[BREAK - 500 : BREAK + 48],
        quotes.iloc[BREAK - 500 : BREAK + 48],
    )
    wide, usual = (ask(baseline_predictor("price", one), one) for one in (young, calm))
    assert any(note.startswith("restless") for note in wide.notes)
    widths = [
        [h.quantiles["0.95"] - h.quantiles["0.05"] for h in one.horizons] for one in (wide, usual)
    ]
    assert np.divide(*widths).min() > 2


def test_rows_before_any_month_are_calm_whatever_is_asked_beside_them(quotes):
    series = series_of(broken(quotes, 30.0, at=100))
    rows = np.array([0, 40, 130, 334])
    assert (unrest(series, rows) == 1).all()
    assert (unrest(series, np.append(rows, 1500))[:4] == 1).all()
    assert (unrest(series, np.array([335])) >= 1).all()
