"""The bench of one network for many markets: its simulated ones, and what its ratio means."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from bench import panel

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def test_simulated_markets_are_unlike_each_other_and_the_same_again():
    first, again = (panel.simulated(3, START, 3) for _ in range(2))
    assert [*first] == ["sim0", "sim1", "sim2"]
    for name, quotes in first.items():
        pd.testing.assert_frame_equal(quotes, again[name])
    assert len({round(quotes["bid"].iloc[0], 3) for quotes in first.values()}) == 3


def test_the_ratio_is_the_mean_over_markets(capsys):
    coverages = {f"cov{level}_h1": level / 100 for level in (80, 90)}
    rows = [
        {"market": m, "age": "long", "family": f, "crps": c, "cpu": 1.0, "wall": 1.0, **coverages}
        for m, alone, shared in (("a", 0.8, 0.4), ("b", 0.8, 1.6))
        for f, c in (("lstm", alone), ("panel", shared))
    ]
    panel.summary(pd.DataFrame(rows), {"a"})
    assert "CRPS 1.0000 (0.5000 .. 2.0000), better at 1 of 2; of real ones 0.5000" in (
        capsys.readouterr().out
    )
