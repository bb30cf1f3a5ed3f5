"""The parts of the recogniser that are decided by arithmetic, not by learning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.grid import build_grid
from ml.pattern.course import DAY, HALF, slope
from ml.pattern.features import DIRECTED, make_channels
from ml.pattern.labels import CLASSES, make_statistics
from ml.pattern.measure import calibration_error, flicker, lags, macro_f1, measure_held
from ml.pattern.naming import HYSTERESIS, LABELS, Hysteresis, held_at, name_chances, name_labels
from ml.pattern.projection import same_hour
from ml.pattern.recognizer import at_temperatures, fit_temperatures
from ml.pattern.rolling import spans
from tests.markets import regime_market as market


def test_the_slope_of_a_line_is_its_slope() -> None:
    line = 0.25 * np.arange(100.0)
    values = slope(line, 48, 100)
    assert np.isnan(values[:48]).all()
    np.testing.assert_allclose(values[48:], 0.25)


def test_measures_of_a_perfect_and_a_wrong_naming() -> None:
    truth = np.array([0, 1, 2, 0])
    assert macro_f1(truth, truth, 3) == 1
    assert macro_f1(truth, (truth + 1) % 3, 3) == 0
    assert calibration_error(truth, np.eye(3)[truth]) == 0


def test_a_projection_is_right_where_the_price_then_stays() -> None:
    """Trend, then standstill: what the channel says at the turn is what hindsight says there."""
    rows = 12 * DAY
    turn = 9 * DAY
    path = 0.004 * np.minimum(np.arange(rows), turn) + 0.002 * np.sin(np.arange(rows) * 2)
    path[turn:] = path[turn - 1]
    index = pd.date_range("2025-01-01", periods=rows, freq="30min", tz="UTC").as_unit("ns")
    grid = build_grid(pd.DataFrame({"price": 10 * np.exp(path)}, index=index))
    names, channels = make_channels(grid)
    said = np.sinh(channels[:, names.index("slope_flat")]) / 2
    true = make_statistics(grid, centred=True)["movement"]
    settled = slice(turn + 2, turn + HALF)  # the median of three has caught up
    np.testing.assert_allclose(said[settled], true[settled], rtol=1e-4, atol=1e-4)


def usual_days(hours: np.ndarray) -> np.ndarray:
    return spans(same_hour(hours, 3, len(hours), median=True), DAY, len(hours))


def test_usual_hours_are_those_of_the_days_before() -> None:
    hours = np.tile(np.arange(DAY, dtype=float), 6)
    table = usual_days(hours)
    np.testing.assert_array_equal(table[4 * DAY, :5], [1, 2, 3, 4, 5])
    hours[5 * DAY :] = 1e6  # what comes later changes nothing
    again = usual_days(hours)
    np.testing.assert_array_equal(table[: 5 * DAY], again[: 5 * DAY])


def test_upside_down_the_directed_channels_and_no_others_change_sign() -> None:
    quotes = market(900, price_only=True)
    names, plain = make_channels(build_grid(quotes))
    turned = make_channels(build_grid(100 / quotes))[1]
    for name, one, two in zip(names, plain.T, turned.T, strict=True):
        np.testing.assert_allclose(two, -one if name in DIRECTED else one, atol=2e-3, err_msg=name)


def test_names_follow_the_stated_order_and_their_chances_sum_to_one() -> None:
    def labels(**best: str) -> dict[str, np.ndarray]:
        return {h: np.array([CLASSES[h].index(name)]) for h, name in best.items()}

    def name(**best: str) -> str:
        return LABELS[name_labels(labels(**best))[0]]

    assert name(movement="up", agitation="shock") == "shock"
    assert name(movement="up", agitation="calm") == "up-trend"
    assert name(movement="range", agitation="volatile") == "volatile range"
    assert name(movement="range", agitation="calm") == "range"
    assert name(movement="down", agitation="calm", spread="wide", liquidity="thin") == "illiquid"
    assert name(movement="down", agitation="calm", spread="wide", liquidity="deep") == "down-trend"
    rng = np.random.default_rng(0)
    heads = {h: rng.dirichlet(np.ones(3), 50) for h in CLASSES}
    np.testing.assert_allclose(name_chances(heads).sum(1), 1)
    assert name_labels({"movement": np.array([-1]), "agitation": np.array([0])})[0] == -1


def test_the_temperature_cools_answers_that_are_too_sure() -> None:
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.ones(3), 4000)
    truth = np.array([rng.choice(3, p=p) for p in honest])
    sure = honest**2 / (honest**2).sum(1, keepdims=True)
    found = fit_temperatures({"movement": sure}, {"movement": truth})
    assert found["movement"] == pytest.approx(2 * 0.93, rel=0.15)
    again = at_temperatures({"movement": sure}, found)["movement"]
    assert calibration_error(truth, again) < calibration_error(truth, sure)


def way(**values: float) -> Hysteresis:
    return Hysteresis(**{"keep": 0.0, "margin": 0.0, "settle": 0, "doubt": 0.0, **values})


def test_a_name_is_held_until_another_leads_by_the_margin() -> None:
    table = np.array([[0.8, 0.2], [0.45, 0.55], [0.3, 0.7], [0.45, 0.55], [0.7, 0.3]])
    assert way().follow(table).tolist() == [0, 1, 1, 1, 0]
    assert way(margin=0.3).follow(table).tolist() == [0, 0, 1, 1, 0]
    assert way(keep=0.9).follow(table).tolist() == [0, 0, 0, 0, 0]
    assert way(settle=4, doubt=0.5).follow(table).tolist() == [0, 1, 1, 1, 1]
    assert way(settle=3, doubt=0.5).follow(table).tolist() == [0, 1, 1, 1, 1]
    assert way(settle=2, doubt=0.5).follow(table).tolist() == [0, 1, 1, 1, 0]


def test_what_is_held_does_not_depend_on_what_comes_later() -> None:
    table = np.random.default_rng(1).dirichlet(np.ones(3), 200)
    for hysteresis in HYSTERESIS.values():
        np.testing.assert_array_equal(
            hysteresis.follow(table[:120]), hysteresis.follow(table)[:120]
        )


@pytest.mark.parametrize("rows", [1, 2, 96, 97, 98, 500])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.95])
def test_what_is_held_follows_the_mean_that_each_answer_moves(rows, keep) -> None:
    """Row by row, however many rows are looked at together."""
    table = np.random.default_rng(rows).dirichlet(np.ones(3), rows)
    mean, means = table[0], []
    for answer in table:
        mean = mean + (1 - keep) * (answer - mean)
        means.append(mean)
    assert way(keep=keep).follow(table).tolist() == np.argmax(means, axis=1).tolist()


def test_since_when_a_name_is_held() -> None:
    index = pd.date_range("2025-01-01", periods=5, freq="30min", tz="UTC")
    found = held_at({"movement": np.array([2, 0, 1, 1, 1])}, index, 4)["movement"]
    assert (found.name, found.since) == ("range", index[2].to_pydatetime())


def test_noisy_answers_are_held_and_clear_ones_are_not_slowed() -> None:
    truth = np.repeat([0, 2, 1, 0, 2, 1] * 8, DAY)
    rng = np.random.default_rng(0)
    noisy = rng.dirichlet(np.ones(3), len(truth)) * 0.75 + 0.25 * np.eye(3)[truth]
    known = np.ones(len(truth), dtype=bool)
    for hysteresis in HYSTERESIS.values():
        assert flicker(hysteresis.follow(noisy), known) < 0.5 * flicker(noisy.argmax(1), known)
        assert np.median(lags(truth, hysteresis.follow(np.eye(3)[truth]), known)) <= 1


def test_lag_and_flicker_are_counted_as_stated() -> None:
    truth = np.array([0] * 10 + [1] * 10 + [2] * 3 + [1] * 10)
    named = np.array([0] * 14 + [1] * 6 + [0] * 13)
    known = np.ones(len(truth), dtype=bool)
    assert lags(truth, named, known).tolist() == [4, np.inf]  # three rows of 2 are too short
    assert flicker(named, known) == pytest.approx(2 / 32 * DAY)
    found = measure_held({"movement": truth}, {"movement": named}, known, 30)
    assert found["lag_movement"] is None
    known[9:] = False
    assert len(lags(truth, named, known)) == 0
