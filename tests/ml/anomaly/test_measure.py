"""Planted faults and what is counted of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.anomaly.measure import average_precision
from ml.anomaly.planting import PLAN, kinds_for, plant
from tests.ml.anomaly.test_features import quotes


def test_planting_is_seeded_and_leaves_the_original_alone() -> None:
    frame = quotes()
    kept, start = frame.copy(), frame.index[700]
    one, two = (plant(frame, seed=5, start=start) for _ in range(2))
    pd.testing.assert_frame_equal(frame, kept)
    pd.testing.assert_frame_equal(one.quotes, two.quotes)
    assert (one.kind[:700] == "").all()
    assert set(one.kind) - {""} == set(PLAN)
    same = one.kind == ""
    pd.testing.assert_frame_equal(one.quotes[same], frame[same])


def test_a_price_alone_gets_no_two_sided_faults() -> None:
    assert set(kinds_for(pd.Index(["price"]))) == {"spike", "level_shift", "stuck", "drift"}


def test_average_precision_of_a_perfect_and_a_blind_ranking() -> None:
    label = np.array([0, 0, 1, 1])
    assert average_precision(label, np.array([0.1, 0.2, 0.8, 0.9])) == pytest.approx(1)
    assert average_precision(label, np.zeros(4)) == pytest.approx(0.5)
