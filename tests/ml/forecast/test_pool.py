"""The pool of ml.forecast and what it rests on: experts, augmentation, epochs, ticks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.forecast.experts import EXPERTS, Shrinkage, expert_quantiles, fit_simple
from ml.forecast.features import FeatureMaker
from ml.forecast.fitting.dataset import polling_augmentation
from ml.forecast.fitting.training import last_epochs
from ml.forecast.pool import Pool, by_target_day, daily_weights, fit_pool
from ml.forecast.series import make_series
from ml.forecast.targets import Target, find_tick_size, future, snapped
from ml.forecast.tracking import best_widths
from ml.grid import build_grid
from ml.tasks import HORIZONS, QUANTILES, Task
from tests.markets import wandering_market as make_quotes

LEVELS = np.asarray(QUANTILES)


def make_maker(quotes: pd.DataFrame, task: Task = Task.PRICE) -> FeatureMaker:
    grid = build_grid(quotes, step_minutes=30)
    return FeatureMaker(make_series(grid, Target(task), 30), 24)


def make_forecasts(days: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two experts: one is right and too narrow, one knows nothing. Experts, moves, clock."""
    rng = np.random.default_rng(seed)
    clock = np.arange(0, days * 48, 3)
    centre = rng.normal(0, 2, (len(clock), 4, 1))
    good = centre + np.linspace(-0.5, 0.5, 7)
    poor = np.broadcast_to(np.linspace(-3, 3, 7), good.shape)
    return np.stack([good, poor], axis=2), centre[..., 0] + rng.normal(0, 1, (len(clock), 4)), clock


def test_pool_trusts_the_better_expert_and_widens_what_is_narrow():
    experts, moves, clock = make_forecasts()
    pool = fit_pool(experts, moves, clock, 48, since=0, guard=True)
    assert pool.weights.sum(axis=1) == pytest.approx(1.0)
    assert (pool.weights[:2, 0, 3] > 0.9).all()
    widths = best_widths(experts[:, :, 0], moves, np.ones((4, 7)))
    assert (widths[:, LEVELS != 0.5] > 1.2).all()
    assert (widths[:, LEVELS == 0.5] == 1).all()
    again = Pool.from_json(pool.as_json())
    np.testing.assert_array_equal(again.weights, pool.weights)


def test_pool_answers_alike_alone_and_in_a_batch_and_sees_no_target_of_its_day():
    experts, moves, clock = make_forecasts()
    pool = fit_pool(experts[:320], moves[:320], clock[:320], 48, since=0, guard=True)
    memory, day = np.ones(len(clock), dtype=bool), 35
    batch = pool.moves(experts, memory, clock, by_target_day(experts, moves, clock, 48), 48)
    later = clock[:, None] + np.asarray(HORIZONS) >= day * 48
    for unknown in (np.nan, 99.0):
        past = by_target_day(experts, np.where(later, unknown, moves), clock, 48)
        own = clock // 48 == day
        alone = pool.moves(experts[own], memory[own], clock[own], past, 48)
        np.testing.assert_allclose(alone, batch[own], rtol=1e-12)
    assert not np.allclose(batch[-16:], (pool.weights * experts[-16:]).sum(axis=2), atol=1e-3)


def test_pool_without_memory_is_the_network_alone():
    experts, moves, clock = make_forecasts()
    pool = fit_pool(experts, moves, clock, 48, since=0, guard=True)
    past = by_target_day(experts, moves, clock, 48)
    found = pool.moves(experts, np.zeros(len(clock), dtype=bool), clock, past, 48)
    np.testing.assert_allclose(found[..., 3], experts[:, :, 0, 3])


def test_pool_without_realised_forecasts_is_that_of_validation():
    experts, moves, clock = make_forecasts()
    pool = fit_pool(experts, moves, clock, 48, since=0, guard=True)
    nothing = by_target_day(experts[:0], moves[:0], clock[:0], 48)
    found = daily_weights(pool.weights, nothing, np.array([50]), 48)
    np.testing.assert_allclose(found[0], pool.weights, rtol=1e-9)


@pytest.mark.parametrize("task", [Task.PRICE, Task.SPREAD])
def test_experts_ignore_the_future(task):
    quotes = make_quotes()
    changed = quotes.copy()
    changed.iloc[1201:] *= 3.0
    rows, found = np.arange(900, 1201, 7), []
    typical = make_maker(quotes, task).typical
    for frame in (quotes, changed):
        series = make_series(build_grid(frame, step_minutes=30), Target(task), 30)
        inputs = FeatureMaker(series, 24, typical=typical).inputs(rows)
        moves = future(make_maker(quotes, task).series.y, rows) - series.y[rows, None]
        simple = fit_simple(inputs.paths, moves, mirror=task is Task.PRICE)
        network = np.zeros((len(rows), 4, 7))
        found.append(expert_quantiles(network, Shrinkage(), simple, series, rows, inputs))
    assert found[0].shape == (len(rows), 4, len(EXPERTS), 7)
    assert (np.diff(found[0], axis=-1) >= 0).all()
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize(
    ("task", "best", "most", "wanted"),
    [
        (Task.PRICE, 1, 8, 2),
        (Task.PRICE, 6, 8, 6),
        (Task.SPREAD, 1, 8, 5),
        (Task.SPREAD, 7, 8, 7),
        (Task.SPREAD, 1, 3, 3),
    ],
)
def test_last_training_is_as_long_as_validation_asks_but_not_too_short(task, best, most, wanted):
    assert last_epochs(task, best, most) == wanted


def test_ticks_are_found_and_forecasts_stand_on_them():
    prices = np.round(np.random.default_rng(0).normal(9.6, 0.3, 500), 2)
    assert find_tick_size(prices) == pytest.approx(0.01)
    assert find_tick_size(np.random.default_rng(0).normal(9.6, 0.3, 500)) == 0.0
    assert find_tick_size(np.array([np.nan])) == 0.0
    values = 9.6 + np.linspace(-0.03, 0.037, 28).reshape(1, 4, 7)
    found = snapped(values, np.array([9.6]), np.array([0.005]))
    steps = (found - 9.6) / 0.005
    np.testing.assert_allclose(steps[..., 2:5], np.round(steps[..., 2:5]), atol=2e-5)
    free = snapped(values, np.array([9.6]), np.array([np.nan]))
    np.testing.assert_allclose(free, values, rtol=2e-9)


@pytest.mark.parametrize(
    ("last", "tick"), [(9.6, 0.1 / 3), (9.61, np.nan), (549.2104999999999, 0.00025), (0.3, 0.01)]
)
def test_an_interval_that_ends_on_a_value_still_holds_it_after_going_through_a_file(last, tick):
    value = last + np.nan_to_num(tick)
    ends = snapped(np.full((1, 1, 7), value), np.array([last]), np.array([tick]))[0, 0]
    written = [float(f"{end:.10g}") for end in ends]
    assert written[0] < value < written[-1]
    assert ends[3] == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("task", [Task.PRICE, Task.SPREAD])
def test_a_rows_tick_is_of_its_own_last_value(task):
    rows = np.arange(900, 1200)

    def steps_of(quotes: pd.DataFrame, rows: np.ndarray, tick_size: float = 0.01) -> np.ndarray:
        series = make_maker(quotes, task).series
        return Target(task).tick_steps(series.value[rows], series.other[rows], tick_size)

    steps = steps_of(make_quotes().round(2), rows)
    assert np.isfinite(steps).all()
    later = make_quotes().round(2)
    later.iloc[1200:] += 0.00123
    np.testing.assert_array_equal(steps_of(later, rows), steps)
    off = np.isnan(steps_of(later, rows + 300))
    assert off.all() if task is Task.PRICE else not off.any()
    assert np.isnan(steps_of(later, rows, 0.0)).all()


def test_linear_expert_survives_outliers():
    rng = np.random.default_rng(0)
    paths = rng.normal(size=(3000, 4, 2))
    moves = 0.5 * paths[..., 0] + rng.normal(0, 0.1, (3000, 4))
    moves[::50] = 1000.0
    simple = fit_simple(paths, moves, mirror=False)
    np.testing.assert_allclose(np.asarray(simple.line.weights), [[0.5, 0.0]] * 4, atol=0.03)


def test_augmented_quotes_show_no_row_before_its_time_and_keep_the_pace():
    quotes = make_quotes()
    quotes = quotes[np.arange(len(quotes)) % 3 == 0].iloc[-400:]
    dense = pd.concat([make_quotes().iloc[:300], quotes]).sort_index()
    dense = dense[~dense.index.duplicated()]
    copy = polling_augmentation(dense, np.random.default_rng(0))
    assert copy.index.is_monotonic_increasing
    assert copy.index.is_unique
    assert len(copy) <= len(dense)
    seen = dense.iloc[np.searchsorted(dense.index, copy.index, side="right") - 1]
    np.testing.assert_array_equal(copy.to_numpy(), seen.to_numpy())
    assert np.median(np.diff(copy.index)) == pd.Timedelta("90min")
    assert polling_augmentation(dense.iloc[-20:], np.random.default_rng(0)) is None
