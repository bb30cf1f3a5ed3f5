"""One forecast at a time: the short way through the tail and the day's state gives what the long
way over all the history gives, and never anything stale."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

from ml.errors import ArtifactMismatch, BadQuotes, NotEnoughData
from ml.forecast.quotes import DayState, DayStates, Quotes
from ml.forecast.series import last_caps, median, move_scales
from ml.grid import QuoteArrays
from ml.predictor import DLPredictor
from ml.results import Forecast
from ml.spec import Source
from ml.trainer import DLModelTrainer
from tests.markets import ask
from tests.markets import wandering_market as make_quotes

SMALL = {"epochs": 1, "hidden": 8, "width": 16, "members": 2, "batch_size": 128}


def holed(rows: int = 2600) -> pd.DataFrame:
    """Gaps, a side that is silent for minutes or for a day, quotes off the grid."""
    quotes = make_quotes(rows)
    rng = np.random.default_rng(5)
    quotes.index += pd.to_timedelta(rng.integers(0, 25, rows), unit="min")
    quotes.loc[quotes.index[rng.random(rows) < 0.2], "bid"] = np.nan
    quotes.iloc[2300:2340, 1] = np.nan
    kept = rng.random(rows) > 0.2
    kept[2100:2111] = False
    return quotes[kept & quotes.notna().any(axis=1).to_numpy()]


def only_price(rows: int = 2600) -> pd.DataFrame:
    return holed(rows)[["ask"]].dropna().set_axis(["price"], axis=1)


#: By what is forecast; "bare" is a price without sides.
MARKETS = {"price": holed, "spread": holed, "bare": only_price}


@pytest.fixture(scope="module")
def markets() -> dict[str, pd.DataFrame]:
    return {name: make() for name, make in MARKETS.items()}


@pytest.fixture(scope="module")
def folders(markets, tmp_path_factory):
    """Trained on the first 30 days, so that the pool has weeks of realised forecasts after them."""
    found = {}
    for name, quotes in markets.items():
        trainer = DLModelTrainer(tmp_path_factory.mktemp(name), device="cpu", step_minutes=30)
        part = quotes.loc[: quotes.index[0] + pd.Timedelta("30D")]
        found[name] = trainer.train("spread" if name == "spread" else "price", part, **SMALL).folder
    return found


@pytest.fixture(params=MARKETS)
def kind(request):
    return request.param


@pytest.fixture
def predictor(kind, folders):
    return DLPredictor.load(folders[kind])


@pytest.fixture
def quotes(kind, markets):
    return markets[kind]


def levels(forecast: Forecast) -> np.ndarray:
    return np.array([list(h.quantiles.values()) for h in forecast.horizons])


def origins(quotes: pd.DataFrame) -> pd.DatetimeIndex:
    """Young and old history, around midnight, in and after gaps, at the end."""
    first = quotes.index[0].floor("D")
    hours = ["2D", "6D23h", "8D", "31D23h30min", "32D", "32D30min", "43D20h", "44D2h", "46D", "52D"]
    moments = first + pd.TimedeltaIndex(hours)
    return pd.DatetimeIndex(moments).append(pd.DatetimeIndex([quotes.index[-1].floor("30min")]))


def test_one_forecast_is_that_of_the_batch(predictor, quotes):
    batch = predictor.forecast_batch(quotes, origins(quotes))
    assert len(batch.origins) >= 9
    for place, origin in enumerate(batch.origins):
        alone = ask(predictor, quotes, at=origin.to_pydatetime())
        assert alone.as_of == origin
        np.testing.assert_allclose(
            levels(alone), batch.answer.quantiles[place], rtol=1e-6, atol=1e-7
        )
        assert alone.novelty == pytest.approx(batch.answer.novelty[place], rel=1e-4, abs=1e-6)


def test_a_cut_frame_gives_the_same_as_a_long_one(predictor, quotes):
    at = origins(quotes)[-2].to_pydatetime()
    whole, cut = (ask(predictor, frame, at=at) for frame in (quotes, quotes.loc[:at]))
    np.testing.assert_array_equal(levels(whole), levels(cut))


def test_the_day_keeps_one_state_and_a_corrected_history_gets_its_own(
    predictor, quotes, folders, kind
):
    states = predictor._server.quantiles.days
    morning = (quotes.index[-1].floor("D") - pd.Timedelta("1D")).to_pydatetime()
    for hours in (1, 7, 15):
        ask(predictor, quotes, at=morning + pd.Timedelta(hours=hours))
    assert len(states) == 1
    corrected = quotes.copy()
    old = corrected.index < pd.Timestamp(morning) - pd.Timedelta("3D")
    corrected.loc[old & (corrected.index > pd.Timestamp(morning) - pd.Timedelta("9D"))] *= 1.01
    at = morning + pd.Timedelta(hours=15)
    found = levels(ask(predictor, corrected, at=at))
    assert len(states) == 2
    fresh = DLPredictor.load(folders[kind])
    np.testing.assert_array_equal(found, levels(ask(fresh, corrected, at=at)))
    assert not np.allclose(found, levels(ask(fresh, quotes, at=at)), rtol=1e-9)


def test_a_quote_of_today_needs_no_new_state(predictor, quotes):
    at = (quotes.index[-1].floor("D") - pd.Timedelta("10h")).to_pydatetime()
    first = levels(ask(predictor, quotes, at=at))
    changed = quotes.copy()
    recent = (changed.index > pd.Timestamp(at) - pd.Timedelta("2h")) & (changed.index <= at)
    changed.loc[recent] *= 1.02
    assert not np.allclose(first, levels(ask(predictor, changed, at=at)), rtol=1e-6)
    assert len(predictor._server.quantiles.days) == 1


def test_threads_get_what_one_alone_gets(predictor, quotes):
    moments = [m.to_pydatetime() for m in origins(quotes)[-5:]]
    expected = {m: levels(ask(predictor, quotes, at=m)) for m in moments}
    predictor._server.quantiles.days = DayStates(most=2)
    found, failed = [], []

    def work(number: int) -> None:
        try:
            for moment in moments[number % 5 :] + moments[: number % 5]:
                found.append((moment, levels(ask(predictor, quotes, at=moment))))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(found) == 30
    for moment, values in found:
        np.testing.assert_array_equal(values, expected[moment])


def test_a_side_that_fell_silent_leaves_the_last_known_price(folders, markets):
    """Longer than the grid's staleness limit: the tail must end where both sides were known."""
    quotes = markets["spread"].copy()
    silent = quotes.index[-1] - pd.Timedelta("3D")
    quotes.loc[quotes.index > silent, "ask"] = np.nan
    quotes = quotes.dropna(how="all")
    predictor = DLPredictor.load(folders["spread"])
    late = ask(predictor, quotes)
    assert late.stale
    assert pd.Timestamp(late.as_of) < silent + pd.Timedelta("4h")
    then = ask(predictor, quotes, at=late.as_of)
    np.testing.assert_allclose(levels(late), levels(then), rtol=1e-9)


def test_baseline_is_the_same_alone_and_in_a_batch(predictor, quotes):
    moments = origins(quotes)[-3:]
    batch = predictor.forecast_batch(quotes, moments, source=Source.BASELINE)
    for place, origin in enumerate(batch.origins):
        alone = ask(predictor, quotes, at=origin.to_pydatetime(), source=Source.BASELINE)
        np.testing.assert_allclose(levels(alone), batch.answer.quantiles[place], rtol=1e-9)
        assert alone.novelty is None


def test_an_artifact_older_than_the_novelty_still_answers(predictor, quotes, monkeypatch):
    at = origins(quotes)[-1].to_pydatetime()
    whole = ask(predictor, quotes, at=at)
    object.__setattr__(predictor._server.quantiles.state, "novelty", None)
    plain = ask(predictor, quotes, at=at)
    assert plain.novelty is None
    assert whole.novelty < 1.25
    np.testing.assert_array_equal(levels(plain), levels(whole))


# ------------------------------------------------------------------------------------- its parts
def test_states_are_few_and_the_oldest_goes_first():
    states = DayStates(most=3)
    made = []

    def make(day: int) -> DayState:
        made.append(day)
        return DayState(np.zeros(1), np.zeros(1), np.zeros(1))

    quotes = Quotes(np.arange(3), {"price": np.ones(3)})
    for day in (1, 2, 3, 1, 4, 1, 2):
        states.get(day, quotes, lambda day=day: make(day))
    assert made == [1, 2, 3, 4, 2]
    assert len(states) == 3
    other = Quotes(np.arange(3), {"price": np.array([1.0, 1.0, 1.5])})
    states.get(2, other, lambda: make(2))
    assert made[-2:] == [2, 2]


def test_a_state_is_of_the_figures_that_it_was_made_of():
    states, made = DayStates(), []

    def make() -> DayState:
        made.append(1)
        return DayState(np.zeros(1), np.zeros(1), np.zeros(1))

    price = np.array([1.0, np.nan, 1.0])
    quotes = Quotes(np.arange(3), {"price": price})
    assert states.get(1, quotes, make) is states.get(1, quotes, make)
    price[0] = 2.0  # whoever gave it writes into it
    states.get(1, quotes, make)
    states.get(1, Quotes(np.arange(1, 4), {"price": price}), make)
    states.get(1, Quotes(np.arange(3), {"bid": price}), make)
    assert len(made) == 3
    assert states.get(2, quotes, make) is not states.get(1, quotes, make)


def test_capped_moves_are_aligned_at_midnight():
    state = DayState(np.zeros(1), np.zeros(1), np.arange(5.0))
    assert state.capped_of(3).tolist() == [2, 3, 4]
    found = state.capped_of(7)
    assert np.isnan(found[:2]).all()
    assert found[2:].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.97, 1.0])
@pytest.mark.parametrize("length", [40, 300, 900])
def test_thelast_caps_are_those_of_the_rolling_quantile(share, length):
    rng = np.random.default_rng(length)
    size = np.round(np.abs(rng.standard_normal(length)), 1)
    size[rng.random(length) < share] = np.nan
    for rows, count in ((28, 5), (336, 30), (1344, 39)):
        wanted = pd.Series(size).rolling(rows, min_periods=12).quantile(0.98).to_numpy()
        found = last_caps(size, rows, 12, count)
        np.testing.assert_allclose(found, wanted[-count:], rtol=1e-12)


def test_a_tails_scales_are_those_of_the_whole():
    rng = np.random.default_rng(2)
    values = np.cumsum(rng.standard_t(3, 6000))
    values[rng.random(6000) < 0.1] = np.nan
    size = np.abs(np.diff(values, prepend=np.nan))
    whole = move_scales(size, 48, 24)
    tail = move_scales(np.r_[np.nan, size[-1499:]], 48, 24, whole.capped[-1500:-20])
    for name in ("slow", "fast"):
        np.testing.assert_allclose(getattr(tail, name)[-20:], getattr(whole, name)[-20:])


def test_one_line_has_the_median_it_has_among_others():
    rng = np.random.default_rng(4)
    table = rng.standard_normal((40, 9))
    table[rng.random(table.shape) < 0.4] = np.nan
    table[3] = np.nan
    alone = np.concatenate([median(line[None]) for line in table])
    np.testing.assert_array_equal(alone, median(table))


def arrays_of(quotes: pd.DataFrame) -> QuoteArrays:
    times = pd.DatetimeIndex(quotes.index).as_unit("ns").asi8
    return QuoteArrays(times, {name: quotes[name].to_numpy() for name in quotes.columns})


@pytest.mark.parametrize("rows", [24, 33, 64, 65, 300, 420, 2000])
def test_arrays_are_answered_as_a_frame_is(predictor, quotes, rows):
    for part in (quotes.iloc[-rows:], quotes.iloc[300 : 300 + rows]):
        for source in Source:
            try:
                told = ask(predictor, part, source=source)
            except NotEnoughData as error:
                with pytest.raises(NotEnoughData, match=error.message):
                    ask(predictor, arrays_of(part), source=source)
            else:
                assert ask(predictor, arrays_of(part), source=source) == told


def test_arrays_in_two_units_are_answered_as_a_frame_is(predictor, quotes):
    part = quotes.iloc[-400:].copy()
    part.iloc[:200] *= 100
    told = ask(predictor, part)
    assert "rescaled" in told.notes[-1]
    assert ask(predictor, arrays_of(part)) == told
    at = part.index[-30].to_pydatetime()
    assert ask(predictor, arrays_of(part), at=at) == ask(predictor, part, at=at)


def test_arrays_that_no_model_could_use_are_refused_as_a_frame_is(predictor, quotes):
    part = arrays_of(quotes.iloc[-60:])
    with pytest.raises(BadQuotes):
        ask(predictor, QuoteArrays(part.times[::-1], part.columns))
    with pytest.raises(BadQuotes):
        ask(predictor, QuoteArrays(part.times[:0], {n: v[:0] for n, v in part.columns.items()}))
    for columns in ({"volume": np.ones(60)}, {n: np.full(60, np.nan) for n in part.columns}):
        with pytest.raises(ArtifactMismatch):
            ask(predictor, QuoteArrays(part.times, columns))
