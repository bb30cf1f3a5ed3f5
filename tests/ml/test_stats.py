"""Statistics that several rooms need: what is unknown does not count, and neighbours stay so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.stats import block_draws, known_mean, known_median, ratio_interval


@pytest.mark.parametrize(
    ("ours", "numpys"), [(known_median, np.nanmedian), (known_mean, np.nanmean)]
)
def test_the_unknown_is_skipped(ours, numpys):
    table = np.array([[3.0, np.nan, 1.0, 2.0], [np.nan, 4.0, 2.0, np.nan], [np.nan] * 4])
    np.testing.assert_array_equal(ours(table), [*numpys(table[:2], 1), np.nan])
    one_by_one = np.concatenate([ours(line[None]) for line in table])
    np.testing.assert_array_equal(one_by_one, ours(table))


def test_draws_are_blocks_of_neighbours_on_a_ring():
    drawn = block_draws(10, block=4, draws=200, rng=np.random.default_rng(0))
    assert drawn.shape == (200, 10)
    for block in (drawn[:, :4], drawn[:, 4:8], drawn[:, 8:]):
        assert ((np.diff(block, axis=1) - 1) % 10 == 0).all()
    assert set(drawn.ravel()) == set(range(10))
    assert (np.bincount(drawn[:, 0], minlength=10) > 5).all()


def test_the_interval_holds_the_ratio():
    day = pd.date_range("2025-01-01", periods=60 * 48, freq="30min").floor("D")
    rng = np.random.default_rng(1)
    part, whole = rng.gamma(2, 1, len(day)), rng.gamma(2, 2, len(day))
    low, high = ratio_interval(day, part, whole)
    assert low < part.mean() / whole.mean() < high
    assert high - low < 0.1


def test_days_that_hang_together_widen_the_interval():
    day = np.repeat(np.arange(60), 48)
    rng = np.random.default_rng(2)
    alone, shared = rng.normal(1, 0.3, len(day)), np.repeat(rng.normal(1, 0.3, 60), 48)
    ones = np.ones(len(day))
    narrow, wide = (np.diff(ratio_interval(day, part, ones)) for part in (alone, shared))
    assert wide > 3 * narrow
