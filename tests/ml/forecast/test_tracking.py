"""Intervals of ml.forecast are steered by their own hits and misses."""

from __future__ import annotations

import numpy as np
import pytest

from ml.forecast.pool import anchor_gap, by_target_day, fit_pool
from ml.forecast.tracking import (
    OUTSIDE,
    PACE,
    allowed_outside,
    centre_trust,
    needed_stretch,
    stretched,
    tracked_stretch,
)
from ml.tasks import HORIZONS, QUANTILES

NORMAL = np.array([-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645])


def share_inside(quantiles: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """(pairs,) share of the moves inside each interval, outermost first."""
    hits = [(moves >= quantiles[..., k]) & (moves <= quantiles[..., -1 - k]) for k in range(3)]
    return np.array([hit.mean() for hit in hits])


def test_an_interval_needs_the_stretch_that_reaches_the_move():
    quantiles = np.array([-4.0, -2.0, -1.0, 0.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(needed_stretch(quantiles, np.array(6.0)), [1.5, 2.0, 3.0])
    np.testing.assert_allclose(needed_stretch(quantiles, np.array(-1.0)), [0.25, 0.5, 1.0])
    assert np.isnan(needed_stretch(quantiles, np.array(np.nan))).all()
    # Where an end lies on the centre it holds the centre, and no stretch reaches further.
    needed = needed_stretch(np.zeros((2, 7)), np.array([0.0, 1.0]))
    assert (needed[0] == 0).all()
    assert (needed[1] > 1e6).all()


@pytest.mark.parametrize("size", [0.7, 1.0, 2.0])
def test_tracked_intervals_cover_what_they_promise_after_the_market_changed(size):
    """The moves are `size` times what the forecasts expect."""
    rng = np.random.default_rng(3)
    moves = size * rng.normal(size=(160, 16, len(HORIZONS)))
    quantiles = np.broadcast_to(NORMAL, (*moves.shape, 7))
    covered = [
        share_inside(stretched(quantiles[day], stretch), moves[day])
        for day in range(40, 160)
        for stretch in [tracked_stretch(quantiles[day - 28 : day], moves[day - 28 : day])]
    ]
    found = np.mean(covered, axis=0)
    assert found[:2] == pytest.approx(1 - OUTSIDE[:2], abs=0.04)
    untouched = share_inside(quantiles, moves)
    assert (np.abs(found - 1 + OUTSIDE) <= np.abs(untouched - 1 + OUTSIDE) + 0.02).all()


def test_few_independent_days_allow_less_outside_and_many_the_promise():
    few, many = allowed_outside(28), allowed_outside(28_000)
    assert (np.diff(few, axis=0) < 0).all()
    assert few[-1] == pytest.approx(1 - (1 - OUTSIDE) * (1 + 1 / 56))
    np.testing.assert_allclose(many, np.broadcast_to(OUTSIDE, many.shape), atol=1e-4)


def test_what_is_unknown_neither_widens_nor_narrows():
    moves = np.full((28, 16, len(HORIZONS)), np.nan)
    quantiles = np.broadcast_to(NORMAL, (*moves.shape, 7))
    np.testing.assert_array_equal(tracked_stretch(quantiles, moves), 1.0)
    moves[:, 3] = 9.0
    expected = np.exp(np.minimum(28 * PACE[:, None] * (1 - allowed_outside(28)) / 16, 1.2))
    np.testing.assert_allclose(tracked_stretch(quantiles, moves)[:, :3], expected)


def test_realised_forecasts_stand_on_full_and_on_half_hours():
    gap = anchor_gap(48)
    clock = np.arange(0, 480, gap)
    assert set(clock % 2) == {0, 1}
    experts = np.broadcast_to(NORMAL, (len(clock), len(HORIZONS), 1, 7))
    moves = np.zeros((len(clock), len(HORIZONS)))
    known = np.isfinite(by_target_day(experts, moves, clock, 48).moves)
    assert known[2:-2].all()


def test_a_day_that_all_targets_left_widens_the_next_one():
    rng = np.random.default_rng(0)
    clock = np.arange(0, 60 * 48, anchor_gap(48))
    experts = np.broadcast_to(NORMAL, (len(clock), len(HORIZONS), 1, 7)) * 1.0
    moves = rng.normal(size=(len(clock), len(HORIZONS)))
    pool = fit_pool(experts[:480], moves[:480], clock[:480], 48, since=0, guard=True)
    calm = by_target_day(experts, moves, clock, 48)
    wild = by_target_day(experts, np.where((clock // 48 == 50)[:, None], 9.0, moves), clock, 48)
    own, memory = clock // 48 == 52, np.ones(len(clock), dtype=bool)
    width = [
        np.ptp(pool.moves(experts[own], memory[own], clock[own], past, 48)[..., [1, 5]], axis=-1)
        for past in (calm, wild)
    ]
    assert (width[1] > 1.1 * width[0]).all()
    assert len(QUANTILES) == experts.shape[-1]


def test_a_month_on_the_wrong_side_pulls_the_centre_to_the_last_value():
    rng = np.random.default_rng(0)
    centre = rng.normal(size=(336, len(HORIZONS)))
    noise = 0.1 * rng.normal(size=centre.shape)
    right, wrong = centre_trust(centre, centre + noise), centre_trust(centre, noise - centre)
    np.testing.assert_array_equal(right, 1.0)
    np.testing.assert_array_equal(wrong, [1.0, 0.25, 0.25, 0.25])
    unknown = np.where(np.arange(336)[:, None] < 50, noise - centre, np.nan)
    np.testing.assert_array_equal(centre_trust(centre, unknown), 1.0)


@pytest.mark.parametrize("guard", [False, True])
def test_only_a_guarded_pool_moves_its_centre(guard):
    """The network was right in validation and errs by its sign ever since."""
    rng = np.random.default_rng(1)
    clock = np.arange(0, 90 * 48, anchor_gap(48))
    centre = rng.normal(size=(len(clock), len(HORIZONS), 1))
    experts = np.stack([centre + 0.1 * NORMAL] * 2, axis=2)
    wrong = (clock >= 30 * 48)[:, None]
    moves = np.where(wrong, -1.0, 1.0) * centre[..., 0] + 0.1 * rng.normal(size=centre.shape[:2])
    pool = fit_pool(experts[:480], moves[:480], clock[:480], 48, since=0, guard=guard)
    own, memory = clock // 48 == 70, np.ones(len(clock), dtype=bool)
    past = by_target_day(experts / pool.unit[:, None, None], moves / pool.unit, clock, 48)
    found = pool.moves(experts[own], memory[own], clock[own], past, 48)[..., 3] / centre[own, :, 0]
    expected = [1.0, 0.25, 0.25, 0.25] if guard else [1.0] * 4
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), rtol=1e-6)
