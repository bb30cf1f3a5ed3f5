"""Forecasts of the price and of the spread, by the default families, through the trainer and the
predictor. What every family must do stands in tests/ml/test_families.py."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from ml.errors import ArtifactMismatch, BadQuotes, Cancelled, NotEnoughData
from ml.predictor import DLPredictor
from ml.spec import Source
from ml.tasks import HORIZONS, Task
from ml.trainer import DLModelTrainer
from tests.markets import ask
from tests.markets import wandering_market as make_quotes

SMALL = {"epochs": 3, "hidden": 8, "width": 16, "members": 1, "batch_size": 128}
FORECASTS = (Task.PRICE, Task.SPREAD)


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    return make_quotes(2400)


@pytest.fixture(scope="module")
def reports(quotes, tmp_path_factory):
    trainer = DLModelTrainer(tmp_path_factory.mktemp("models"), device="cpu", step_minutes=30)
    return {task: trainer.train(task, quotes, **SMALL) for task in FORECASTS}


@pytest.fixture(params=FORECASTS)
def report(request, reports):
    return reports[request.param]


def test_report_tells_what_was_measured(report):
    assert report.baseline == "last_value"
    assert report.baseline_score == pytest.approx(1.0)
    assert np.isfinite(report.score)
    assert report.trained_until < report.test_from
    assert report.input_columns == ("bid", "ask")
    assert not list(report.folder.glob("checkpoint*"))


def test_forecast_is_ordered_dated_and_positive(report, quotes):
    forecast = ask(DLPredictor.load(report.folder), quotes)
    assert forecast.as_of == quotes.index[-1]
    assert [h.steps for h in forecast.horizons] == list(HORIZONS)
    for horizon in forecast.horizons:
        values = list(horizon.quantiles.values())
        assert values == sorted(values)
        assert horizon.value == horizon.quantiles["0.5"]
        assert horizon.at == forecast.as_of + dt.timedelta(minutes=30 * horizon.steps)
        assert forecast.unit != "price" or values[0] > 0
    assert forecast.notes == ()
    assert not forecast.stale


def test_forecast_ignores_the_future(report, quotes):
    predictor = DLPredictor.load(report.folder)
    at = quotes.index[2000].to_pydatetime()
    spoiled = quotes.copy()
    spoiled.iloc[2001:] *= 7
    expected = ask(predictor, quotes.iloc[:2001])
    assert ask(predictor, quotes, at=at) == expected
    assert ask(predictor, spoiled, at=at) == expected


def test_a_batch_gives_what_single_forecasts_give(report, quotes):
    predictor = DLPredictor.load(report.folder)
    batch = predictor.forecast_batch(quotes, quotes.index[1900:2300])
    assert len(batch.origins) == 400
    for place in (0, 101, 399):
        at = batch.origins[place].to_pydatetime()
        alone = ask(predictor, quotes, at=at)
        found = [list(h.quantiles.values()) for h in alone.horizons]
        np.testing.assert_allclose(found, batch.answer.quantiles[place], rtol=1e-6)


def test_older_rows_than_the_lookback_do_not_matter(report, quotes):
    predictor = DLPredictor.load(report.folder)
    older = make_quotes(2400, seed=9).set_axis(quotes.index - pd.Timedelta("50D"))
    oldest = older.set_axis(older.index - pd.Timedelta("50D"))
    long = pd.concat([oldest, older, quotes])
    once = ask(predictor, long)
    again = ask(predictor, long.iloc[-4250:])
    assert [h.value for h in once.horizons] == pytest.approx([h.value for h in again.horizons])


def test_loaded_model_measures_what_the_report_says(report, quotes):
    predictor = DLPredictor.load(report.folder, checksum=report.checksum)
    start, end = report.test_from, quotes.index[-1].to_pydatetime()
    for source, expected in (
        (Source.NETWORK, report.metrics),
        (Source.BASELINE, report.baseline_metrics),
    ):
        found = predictor.evaluate(quotes, start=start, end=end, source=source)
        assert found == pytest.approx(expected, rel=1e-5)


def test_the_windows_own_rows_suffice_and_say_so(report, quotes):
    predictor = DLPredictor.load(report.folder)
    forecast = ask(predictor, quotes.iloc[-24:])
    assert any(note.startswith("short history") for note in forecast.notes)
    assert all(np.isfinite(list(h.quantiles.values())).all() for h in forecast.horizons)


def test_fewer_rows_than_the_window_are_refused(report, quotes):
    with pytest.raises(NotEnoughData) as caught:
        ask(DLPredictor.load(report.folder), quotes.iloc[-10:])
    assert (caught.value.needed, caught.value.present) == (24, 10)


def test_a_missing_column_is_named(report, quotes):
    with pytest.raises(ArtifactMismatch) as caught:
        ask(DLPredictor.load(report.folder), quotes[["bid"]])
    assert "ask" in caught.value.fields


def test_a_further_column_changes_nothing(report, quotes):
    predictor = DLPredictor.load(report.folder)
    assert ask(predictor, quotes.assign(bid_volume=1.0)) == ask(predictor, quotes)


def test_a_stale_market_is_forecast_from_its_last_price(report, quotes):
    late = (quotes.index[-1] + pd.Timedelta("9h")).to_pydatetime()
    forecast = ask(DLPredictor.load(report.folder), quotes, at=late)
    assert forecast.stale
    assert forecast.as_of < late
    assert any("stale" in note for note in forecast.notes)


def test_baseline_serves_the_last_value(report, quotes):
    predictor = DLPredictor.load(report.folder)
    for frame in (quotes, quotes.iloc[-3:]):
        forecast = ask(predictor, frame, source=Source.BASELINE)
        assert forecast.name == "last_value"
        assert {h.value for h in forecast.horizons} == {forecast.last_value}


def test_seasonal_spread_beats_the_last_value(reports):
    assert reports[Task.SPREAD].beats_baseline
    assert reports[Task.SPREAD].metrics["mae_skill_h24"] < 0.9


def test_a_price_without_sides_at_another_step_works(tmp_path):
    price = make_quotes(1300)[["bid"]].set_axis(["price"], axis=1)
    price.index = pd.date_range("2025-01-01", periods=1300, freq="60min", tz="UTC")
    report = DLModelTrainer(tmp_path, device="cpu").train(Task.PRICE, price, **SMALL)
    assert (report.step_minutes, report.input_columns) == (60, ("price",))
    forecast = DLPredictor.load(report.folder).predict_price(price)
    assert forecast.horizons[-1].minutes == 48 * 60
    with pytest.raises(BadQuotes):
        DLModelTrainer(tmp_path, device="cpu").train(Task.SPREAD, price, **SMALL)


def test_a_callback_may_cancel(quotes, tmp_path):
    trainer = DLModelTrainer(
        tmp_path, device="cpu", step_minutes=30, on_progress=lambda p: p.epoch < 1
    )
    with pytest.raises(Cancelled):
        trainer.train(Task.SPREAD, quotes, **SMALL)


def test_a_market_of_200_quotes_is_refused(shared_data, tmp_path):
    path = shared_data / "usdt_usd_zinli_binance_p2p.csv.gz"
    frame = pd.read_csv(path, parse_dates=["timestamp"], index_col="timestamp")
    frame = frame.rename(columns={"bid_price": "bid", "ask_price": "ask"})[["bid", "ask"]]
    frame = frame[~frame.index.duplicated()]
    with pytest.raises(NotEnoughData) as caught:
        DLModelTrainer(tmp_path, device="cpu").train(Task.PRICE, frame)
    assert caught.value.present < caught.value.needed
