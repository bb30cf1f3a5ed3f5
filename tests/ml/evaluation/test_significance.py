"""The tests of significance keep what they promise: the size under the null, and power."""

from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.significance import diebold_mariano, paired_bootstrap, student_p

OVERLAP = 48


def losses(rng, rows, *, bias=0.0, wild=False):
    """Absolute errors of two forecasters of the same overlapping sums, as multi-step forecasts have
    them; each has slow noise of its own, the second `bias` beside."""
    noise = rng.standard_normal(rows + OVERLAP)
    if wild:
        level = np.zeros(rows + OVERLAP)
        for t in range(1, len(level)):
            level[t] = 0.97 * level[t - 1] + 0.1 * rng.standard_normal()
        noise *= np.exp(level)
    path = np.cumsum(np.r_[0, noise])
    own = rng.standard_normal((2, rows))
    for t in range(1, rows):
        own[:, t] = 0.95 * own[:, t - 1] + 0.31 * own[:, t]
    total = np.zeros((2, rows))
    for h in (1, 6, 24, OVERLAP):
        move = (path[h : h + rows] - path[:rows]) / np.sqrt(h)
        total += np.abs(move - 0.3 * own - np.array([[0.0], [bias]])) / 4
    return total


@pytest.mark.parametrize(("rows", "wild"), [(600, False), (1440, True)])
def test_of_equal_forecasters_one_in_twenty_is_rejected(rows, wild):
    rng = np.random.default_rng(3)
    found = [diebold_mariano(*losses(rng, rows, wild=wild), overlap=OVERLAP) for _ in range(400)]
    share = np.mean([test.p_value < 0.05 for test in found])
    # 400 draws: two standard errors are .022; without the overlap in mind it is .5 and more.
    assert 0.02 < share < 0.095


def test_ignoring_the_overlap_rejects_far_too_often():
    rng = np.random.default_rng(3)
    found = [diebold_mariano(*losses(rng, 600), overlap=1) for _ in range(200)]
    assert np.mean([test.p_value < 0.05 for test in found]) > 0.15


def test_a_worse_forecaster_is_found():
    rng = np.random.default_rng(4)
    found = [diebold_mariano(*losses(rng, 1440, bias=1.0), overlap=OVERLAP) for _ in range(50)]
    assert np.mean([test.p_value < 0.05 for test in found]) > 0.8
    assert all(test.difference > 0 and test.statistic > 0 for test in found)


def test_swapping_the_two_changes_the_sign_alone():
    rng = np.random.default_rng(5)
    a, b = losses(rng, 800, bias=0.4)
    there, back = (diebold_mariano(*pair, overlap=OVERLAP) for pair in ((a, b), (b, a)))
    assert there.statistic == pytest.approx(-back.statistic)
    assert there.p_value == pytest.approx(back.p_value)


def test_missing_origins_are_left_out_and_keep_their_distance():
    rng = np.random.default_rng(6)
    a, b = losses(rng, 900)
    gone = np.zeros(900, dtype=bool)
    gone[200:320] = True
    a[gone] = np.nan
    test = diebold_mariano(a, b, overlap=OVERLAP)
    assert test.n == 780
    assert test.challenger == pytest.approx(b[~gone].mean())


def test_the_statistic_is_the_textbook_one_without_overlap():
    """Three lags by hand: Newey and West's variance, Harvey's factor for h = 1."""
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(2, 27))
    d = b - a
    e = d - d.mean()
    # width 3: lags 1 and 2 weigh 2/3 and 1/3
    variance = (e @ e + 2 * (2 / 3 * e[1:] @ e[:-1] + 1 / 3 * e[2:] @ e[:-2])) / 27
    by_hand = np.sqrt(26 / 27) * d.mean() / np.sqrt(variance / 27)
    assert diebold_mariano(a, b, overlap=1).statistic == pytest.approx(by_hand)


def test_the_same_losses_are_no_difference():
    a = np.random.default_rng(8).normal(size=400)
    assert diebold_mariano(a, a, overlap=OVERLAP).p_value == 1.0


def test_a_short_stretch_is_measured_but_not_tested():
    a, b = np.random.default_rng(9).normal(size=(2, 200))
    test = diebold_mariano(a, b, overlap=OVERLAP)
    assert test.p_value is None
    assert test.difference == pytest.approx((b - a).mean())


@pytest.mark.parametrize(
    ("statistic", "freedom", "p_value"),
    # two-sided points of published t tables
    [(12.706, 1, 0.05), (2.571, 5, 0.05), (3.169, 10, 0.01), (1.96, 100_000, 0.05)],
)
def test_students_p_is_that_of_the_tables(statistic, freedom, p_value):
    assert student_p(statistic, freedom) == pytest.approx(p_value, rel=2e-3)
    assert student_p(-statistic, freedom) == pytest.approx(student_p(statistic, freedom))
    assert student_p(0, freedom) == 1.0


def runs_of_hits(rng, rows, rate):
    """Right or wrong in runs of a dozen rows, as regimes are recognised."""
    hits = rng.random(-(-rows // 12)) < rate
    return np.repeat(hits, 12)[:rows].astype(float)


def test_the_bootstrap_keeps_its_size_on_rows_that_hang_together():
    rng = np.random.default_rng(10)
    rejected = 0
    for seed in range(150):
        hits = np.stack([runs_of_hits(rng, 960, 0.7) for _ in range(2)])
        test = paired_bootstrap(
            lambda at, who, hits=hits: hits[who, at].mean(), 960, block=48, draws=199, seed=seed
        )
        rejected += test.p_value < 0.05
    assert rejected / 150 < 0.12


def test_the_bootstrap_finds_a_clear_difference_and_its_interval_excludes_zero():
    rng = np.random.default_rng(11)
    hits = np.stack([runs_of_hits(rng, 960, 0.5), runs_of_hits(rng, 960, 0.85)])
    test = paired_bootstrap(lambda at, who: hits[who, at].mean(), 960, block=48)
    assert test.p_value < 0.05
    assert 0 < test.low < test.difference < test.high
