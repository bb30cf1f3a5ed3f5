"""Backtests: nothing after an origin is seen, a killed one goes on, the figures are right."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

import ml
from ml.errors import BadConfig, Cancelled, NotEnoughData
from ml.evaluation.backtest import run_backtest
from ml.evaluation.plan import QUANTILE_COLUMNS, BacktestPlan, write_predictions
from ml.evaluation.scores import backtest_figures, clean_mask, same_hour_median
from ml.predictor import DLPredictor
from ml.registry import get_spec, registered
from ml.tasks import HORIZONS, Task
from tests.markets import wandering_market as make_quotes

SMALL = {"epochs": 1, "hidden": 8, "width": 16, "members": 1, "batch_size": 128}
TASKS = (Task.PRICE, Task.SPREAD)


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    """Some gaps and stale stretches, so that masks and ages matter."""
    whole = make_quotes(2000)
    rng = np.random.default_rng(3)
    kept = rng.random(len(whole)) > 0.2
    kept[1700:1712] = False
    return whole[kept]


def plan_of(quotes: pd.DataFrame, task: Task = Task.PRICE, **more) -> BacktestPlan:
    first = quotes.index[0]
    values = {
        "task": task,
        "start": (first + pd.Timedelta("33D")).to_pydatetime(),
        "end": (first + pd.Timedelta("39D")).to_pydatetime(),
        "params": SMALL,
    }
    return BacktestPlan(**{**values, **more})


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return {task: tmp_path_factory.mktemp(task) for task in TASKS}


@pytest.fixture(scope="module")
def results(quotes, works):
    return {t: run_backtest(quotes, plan_of(quotes, t), works[t], device="cpu") for t in TASKS}


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


def test_the_long_form_is_that_of_the_protocol(results, quotes, task):
    forecasts, plan = results[task], plan_of(quotes, task)
    assert list(forecasts) == ["origin", "target", "h", "yhat", *QUANTILE_COLUMNS]
    assert set(forecasts["target"]) == {"mid" if task is Task.PRICE else "spread_pct"}
    assert set(forecasts["h"]) == set(HORIZONS)
    ahead = forecasts["origin"] + pd.to_timedelta(30 * forecasts["h"], unit="min")
    assert forecasts["origin"].min() == plan.start
    assert ahead.max() == plan.end
    levels = forecasts[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(levels, axis=1) >= 0).all()
    assert not forecasts.duplicated(["origin", "h"]).any()


def at(forecasts: pd.DataFrame, origin: pd.Timestamp) -> pd.DataFrame:
    return forecasts[forecasts["origin"] == origin].reset_index(drop=True)


def test_data_cut_at_the_origin_gives_the_same_forecasts(results, quotes, works, task):
    """The leak test: every path from quotes to forecast, one origin at a time."""
    predictor = DLPredictor.load(works[task] / "model-0")
    origins = results[task]["origin"].drop_duplicates()
    for origin in origins.iloc[[0, 1, 47, 150, -60, -2]]:
        cut = quotes.loc[:origin]
        batch = predictor.forecast_batch(cut, pd.DatetimeIndex([origin]))
        found = at(results[task], origin)
        assert batch.answer.value[0, : len(found)] == pytest.approx(found["yhat"], rel=1e-6)
        wanted = found[list(QUANTILE_COLUMNS)].to_numpy()
        assert batch.answer.quantiles[0, : len(found)] == pytest.approx(wanted, rel=1e-6)
        served = predictor._forecast(task, cut, origin.to_pydatetime(), ml.Source.NETWORK)
        values = [h.value for h in served.horizons][: len(found)]
        assert values == pytest.approx(found["yhat"].tolist(), rel=1e-5)


def test_another_future_changes_nothing(results, quotes, task, tmp_path):
    """Neither the fit before the start nor the forecasts up to a moment see what comes after."""
    plan = plan_of(quotes, task)
    moment = pd.Timestamp(plan.start) + pd.Timedelta("2D")
    spoiled = quotes.copy()
    spoiled.loc[spoiled.index > moment, :] *= np.linspace(3, 9, (spoiled.index > moment).sum())[
        :, None
    ]
    found = run_backtest(spoiled, plan, tmp_path, device="cpu")
    past, other = (f[f["origin"] <= moment].reset_index(drop=True) for f in (results[task], found))
    pd.testing.assert_frame_equal(past, other, rtol=1e-7)
    assert len(past) > 300


def test_a_refit_learns_from_all_before_its_moment_and_nothing_after(quotes, tmp_path):
    plan = plan_of(quotes, refit_every=dt.timedelta(days=3))
    found = run_backtest(quotes, plan, tmp_path, device="cpu")
    manifests = [ml.read_manifest(tmp_path / f"model-{k}") for k in range(2)]
    moments = plan.fits()
    for manifest, moment in zip(manifests, moments, strict=True):
        last = quotes.index[quotes.index < moment][-1]
        assert pd.Timestamp(manifest["data_until"]) == last
    assert pd.Timestamp(manifests[0]["trained_until"]) > moments[0] - pd.Timedelta("1h")
    later = found[found["origin"] >= moments[1]]["origin"].iloc[0]
    predictor = DLPredictor.load(tmp_path / "model-1")
    batch = predictor.forecast_batch(quotes, pd.DatetimeIndex([later]))
    assert batch.answer.value[0, 0] == pytest.approx(at(found, later)["yhat"][0], rel=1e-6)


def test_origin_step_thins_the_origins(quotes, works, results, tmp_path):
    plan = plan_of(quotes, origin_step=8)
    found = run_backtest(quotes, plan, tmp_path, device="cpu")
    whole = results[Task.PRICE]
    both = whole.merge(found, on=["origin", "h"])
    assert len(both) == len(found) < len(whole) / 7
    assert both["yhat_x"].to_numpy() == pytest.approx(both["yhat_y"].to_numpy(), rel=1e-6)


def test_a_stopped_backtest_goes_on_where_it_was(quotes, results, tmp_path, monkeypatch):
    monkeypatch.setattr("ml.evaluation.backtest.CHUNK", 50)
    plan = plan_of(quotes)
    seen = []

    def stop(progress):
        seen.append(progress)
        return progress.share < 0.99

    with pytest.raises(Cancelled):
        run_backtest(quotes, plan, tmp_path, device="cpu", on_progress=stop)
    parts = {p: p.stat().st_mtime_ns for p in tmp_path.glob("part-*.csv")}
    assert parts
    monkeypatch.setattr(ml.evaluation.backtest.DLModelTrainer, "train", None)  # fitted already
    found = run_backtest(quotes, plan, tmp_path, device="cpu")
    assert {p: p.stat().st_mtime_ns for p in parts} == parts
    pd.testing.assert_frame_equal(found, results[Task.PRICE], rtol=1e-6)
    shares = [p.share for p in seen]
    assert shares == sorted(shares)


def test_another_plan_or_other_quotes_start_anew(quotes, works, results):
    plan = plan_of(quotes)
    marker = works[Task.PRICE] / "part-marker.csv"
    marker.touch()
    run_backtest(quotes, plan, works[Task.PRICE], device="cpu")
    assert marker.exists()
    run_backtest(quotes * 1.01, plan, works[Task.PRICE], device="cpu")
    assert not marker.exists()
    run_backtest(quotes, plan, works[Task.PRICE], device="cpu")  # as the other tests expect it


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"end": dt.datetime(2025, 1, 1, tzinfo=dt.UTC)}, "end"),
        ({"origin_step": 0}, "origin_step"),
        ({"refit_every": dt.timedelta(hours=1)}, "refit_every"),
        ({"task": Task.ANOMALY}, "task"),
        ({"end": dt.datetime(2199, 1, 1, tzinfo=dt.UTC)}, "end"),
        ({"family": "autoencoder"}, "family"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(quotes, change, field):
    with pytest.raises(BadConfig) as error:
        plan_of(quotes, **change)
    assert field in error.value.fields


def test_the_family_that_is_named_is_trained(quotes, tmp_path):
    toy = dataclasses.replace(get_spec(Task.SPREAD), task=Task.PRICE, name="toy")
    with registered(toy):
        plan = plan_of(quotes, family="toy", origin_step=48)
        run_backtest(quotes, plan, tmp_path, device="cpu")
        assert ml.read_manifest(tmp_path / "model-0")["family"] == "toy"
    assert plan.as_json() == {**plan_of(quotes, origin_step=48).as_json(), "family": "toy"}


def test_a_plan_without_a_family_reads_as_it_did_before_plans_had_one(quotes):
    assert set(plan_of(quotes).as_json()) == {
        *("task", "start", "end", "step_minutes", "refit_seconds", "origin_step", "params")
    }


def test_a_window_before_the_quotes_is_refused(quotes, tmp_path):
    early = quotes.index[0].to_pydatetime() - dt.timedelta(days=9)
    plan = dataclasses.replace(plan_of(quotes), start=early)
    with pytest.raises(NotEnoughData):
        run_backtest(quotes, plan, tmp_path)


# ----------------------------------------------------------------------------------- the figures
def test_the_last_value_scores_one(results, quotes):
    plan = plan_of(quotes)
    last = results[Task.PRICE].copy()
    grid = ml.build_grid(quotes)["mid"]
    last["yhat"] = grid.reindex(last["origin"]).to_numpy()
    for line in backtest_figures(last, quotes, plan):
        assert line["skill"] == pytest.approx(1.0)
        assert line["skill_ci95"] == pytest.approx([1.0, 1.0])


def test_a_perfect_forecast_scores_nought_and_covers_all(results, quotes):
    plan = plan_of(quotes, Task.SPREAD)
    perfect = results[Task.SPREAD].copy()
    ahead = perfect["origin"] + pd.to_timedelta(30 * perfect["h"], unit="min")
    truth = ml.build_grid(quotes)["spread_pct"].reindex(ahead).to_numpy()
    for column in ("yhat", *QUANTILE_COLUMNS):
        perfect[column] = truth
    for line in backtest_figures(perfect.dropna(), quotes, plan):
        assert (line["skill"], line["crps_skill"], line["cov80"]) == (0, 0, 1)


def test_a_spike_is_no_clean_target():
    value = 10 + 0.01 * np.sin(np.arange(400.0))
    value[200] = 11.0
    value[300:304] = np.nan
    clean = clean_mask(value, Task.PRICE, 24)
    assert not clean[200]
    assert not clean[300:304].any()
    assert clean.sum() == 395


def test_same_hour_median_looks_back_only():
    value = np.tile(np.arange(48.0), 10)
    for horizon in HORIZONS:
        found = same_hour_median(value, horizon, 48)[384:400]
        assert found.tolist() == ((np.arange(384, 400) + horizon) % 48).tolist()
        spoiled = value.copy()
        spoiled[400:] = -1
        assert same_hour_median(spoiled, horizon, 48)[384:400].tolist() == found.tolist()


def test_predictions_are_written_at_once_and_alike(results, tmp_path):
    for name in ("a.csv.gz", "b.csv.gz", "c.csv"):
        write_predictions(results[Task.PRICE], tmp_path / name)
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
    back = pd.read_csv(tmp_path / "c.csv", parse_dates=["origin"])
    assert len(back) == len(results[Task.PRICE])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv.gz", "b.csv.gz", "c.csv"]
