"""Tables as plain arrays, and what is said of them in less time: the same figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.anomaly.tails import Tail
from ml.grid import arrays_of
from ml.stats import quantiles_of


def test_columns_are_those_that_the_table_has_in_the_order_asked_for() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": [3.0, 4.0]})
    found = arrays_of(frame, ("b", "nothing", "a"))
    assert list(found) == ["b", "a"]
    np.testing.assert_array_equal(found["a"], [1.0, np.nan])


def test_a_table_that_holds_more_than_figures_gives_its_figures() -> None:
    frame = pd.DataFrame({"a": [1, 2], "text": ["x", "y"], "b": [3.0, 4.0]})
    found = arrays_of(frame, ("a", "b"))
    assert all(column.dtype == np.float64 for column in found.values())
    np.testing.assert_array_equal(found["a"], [1.0, 2.0])


def test_quantiles_have_the_bits_of_numpy() -> None:
    rng, levels = np.random.default_rng(0), (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
    for count in (1, 2, 3, 7, 50, 999):
        for values in (rng.normal(size=count) * 10.0 ** rng.uniform(-5, 5), np.zeros(count)):
            np.testing.assert_array_equal(quantiles_of(values, levels), np.quantile(values, levels))


@pytest.mark.parametrize("pareto", [True, False])
def test_a_tail_says_the_same_of_one_value_and_of_many(pareto: bool) -> None:
    rng = np.random.default_rng(1)
    tail = Tail.fit(np.abs(rng.normal(size=500)), through=(0.9, 0.97), pareto=pareto)
    odd = (0.0, -1.0, np.nan, np.inf, -np.inf, 1e300)
    values = np.concatenate([np.abs(rng.normal(size=500)) * 3, tail.knots, odd])
    alone = [tail(value[None])[0] for value in values]
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(alone, tail(values))
