"""How rare is it: tails of values and of runs."""

from __future__ import annotations

import numpy as np
import pytest

from ml.anomaly.features import run_length
from ml.anomaly.tails import RunTail, Tail


@pytest.mark.parametrize("pareto", [True, False])
def test_a_tail_grows_and_inverts(pareto: bool) -> None:
    values = np.abs(np.random.default_rng(0).normal(size=5000))
    tail = Tail.fit(values, through=(0.97, 0.995), pareto=pareto)
    at = np.linspace(0, 10, 200)
    assert (np.diff(tail(at)) >= 0).all()
    assert tail(np.array([np.quantile(values, 0.99)]))[0] == pytest.approx(2, abs=0.15)
    for decades in (1.0, 2.5, 4.0):
        assert tail(np.array([tail.inverse(decades)]))[0] == pytest.approx(decades, abs=1e-6)
    assert tail(np.array([np.nan]))[0] == 0
    assert Tail.from_json(tail.to_json()) == tail


def test_long_runs_are_rarer_than_short_ones() -> None:
    rng = np.random.default_rng(0)
    flags = rng.random(5000) < 0.05
    tail = RunTail.fit(run_length(flags, np.zeros(5000, bool)))
    one, two, five = tail(np.array([1.0, 2.0, 5.0]))
    assert tail(np.array([0.0]))[0] == 0
    assert (np.diff([1.0, one, two, five]) > 0).all()
