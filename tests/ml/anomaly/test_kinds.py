"""What kind of trouble a strange row is in, and how severe it is."""

from __future__ import annotations

import numpy as np

from ml.anomaly.kinds import ExpectedLevels, severity_of
from ml.anomaly.server import AnomalyServer
from tests.ml.anomaly.test_pipeline import market, scan


def test_crossed_sides_are_named(server: AnomalyServer) -> None:
    quotes = market()
    at = quotes.index[2200]
    quotes.loc[at, ["bid", "ask"]] = quotes.loc[at, ["ask", "bid"]].to_numpy() * [1.01, 0.99]
    kinds = {a.timestamp: a.kind for a in scan(server, quotes).anomalies}
    assert kinds[at] == "crossed"


def test_a_stuck_feed_is_named(server: AnomalyServer) -> None:
    quotes = market()
    quotes.iloc[2200:2215] = quotes.iloc[2199].to_numpy()
    kinds = {a.timestamp: a.kind for a in scan(server, quotes).anomalies}
    assert kinds[quotes.index[2212]] == "stuck"


def test_a_missing_side_is_named_and_not_observed(server: AnomalyServer) -> None:
    quotes = market()
    quotes.iloc[2200:2212, [1, 3]] = np.nan
    found = {a.timestamp: a for a in scan(server, quotes).anomalies}[quotes.index[2205]]
    assert found.kind == "missing_side"
    assert "ask missing" in found.text
    assert found.expected["ask"].observed is None


def test_severity_rises_with_rarity_and_with_size() -> None:
    assert [severity_of(t) for t in (1.0, 1.3, 1.7, 2.5)] == ["low", "medium", "high", "critical"]
    assert severity_of(1.0, 10.0) == "critical"


def test_a_spread_can_lie_above_a_negative_one() -> None:
    """A market whose medians are crossed: the ask has just left."""
    column = {"spread_pct": np.array([40.0])}
    usual = {"spread_pct": np.array([-2.0])}
    level = ExpectedLevels(observed=column, value=usual, lower=usual, upper=usual)
    assert level.away("spread_pct", 0) > 0
    assert level.away("bid", 0) == 0
