"""The last rows of a table alone are scored as they are with all rows before them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.anomaly.alarms import HYSTERESIS_ROWS, remaining_score, score_hysteresis
from ml.anomaly.detectors import NetworkDetector
from ml.anomaly.features import Features, make_features
from ml.anomaly.readings import _medians, trailing_quantile, trailing_start
from ml.anomaly.residuals import Rebuilder
from ml.anomaly.server import AnomalyServer
from tests.ml.anomaly.test_pipeline import market, scan
from tests.ml.anomaly.test_stream import USUAL, detector, quotes

__all__ = ["detector", "quotes"]  # fixtures


def fresh(detector: NetworkDetector) -> NetworkDetector:
    """The same, that remembers nothing."""
    own = detector.network
    network = Rebuilder(own.network, own.standard, own.window)
    return NetworkDetector(network, detector.heads)


@pytest.fixture(scope="module")
def features(quotes: pd.DataFrame) -> Features:
    return make_features(quotes, usual=USUAL)


# In the split rows, in a fault, after it, within the frozen rows, after a gap, the last one.
@pytest.mark.parametrize("first", [1, 20, 641, 900, 944, 1050, 1148, 1290, 1499])
def test_scores_and_margins_from_a_row_on_are_those_of_the_whole_table(
    features: Features, detector: NetworkDetector, first: int
) -> None:
    whole = detector.score(features, threshold=2.0)
    part = fresh(detector).score(features, threshold=2.0, first=first)
    assert part.names == whole.names
    np.testing.assert_allclose(part.heads[first:], whole.heads[first:], rtol=1e-9, atol=1e-12)
    assert np.isnan(part.heads[:first]).all()
    for name, margin in whole.margins.items():
        np.testing.assert_array_equal(part.margins[name][first:], margin[first:])


def test_only_the_windows_that_the_last_row_depends_on_are_rebuilt(
    features: Features, detector: NetworkDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    plain = Rebuilder.last_rows
    monkeypatch.setattr(
        Rebuilder, "last_rows", lambda self, x: asked.append(len(x)) or plain(self, x)
    )
    alone = fresh(detector)
    alone.score(features, first=len(features.table) - 1)
    assert sum(asked) < 850
    asked.clear()
    alone.score(features, first=len(features.table) - 1)
    assert sum(asked) == 1


def test_of_sizes_before_its_start_a_trailing_quantile_uses_nothing(features: Features) -> None:
    rng, readings = np.random.default_rng(0), features.readings
    sizes, fallback = rng.random((len(features.table), 2)), np.array([0.3, 0.4])
    whole = trailing_quantile(readings, sizes, fallback, USUAL)
    for first in (0, 30, 700, 1100, 1499):
        start = trailing_start(readings, USUAL, first)
        unknown = sizes.copy()
        unknown[:start] = np.nan
        part = trailing_quantile(readings, unknown, fallback, USUAL, first)
        np.testing.assert_array_equal(part, whole[first:])
        assert start <= first
    assert start > 600
    for place, counts in ((start, True), (start - 1, False)):
        moved = sizes.copy()
        moved[place] = 99.0 if sizes[place, 0] < whole[-1, 0] else 0.0  # over to the other side
        part = trailing_quantile(readings, moved, fallback, USUAL, first)
        assert (part[-1, 0] != whole[-1, 0]) == counts


def test_a_score_lasts_as_it_does_reading_by_reading(features: Features) -> None:
    rng, readings = np.random.default_rng(1), features.readings
    rows = len(features.table)
    decades = np.where(rng.random(rows) < 0.2, 3 * rng.random(rows), 0.0)
    level, home = np.cumsum(rng.normal(size=rows)), rng.normal(size=rows)
    found = score_hysteresis(readings, decades, level, home)
    expected = decades.copy()
    for row in range(rows):
        for age in range(1, HYSTERESIS_ROWS + 1):
            if readings.reading[row] < age:
                continue
            at = readings.last[readings.reading[row] - age]
            past = (level[at : at + 1], home[at : at + 1], decades[at : at + 1])
            left = remaining_score(level[row : row + 1], *past, age)[0]
            expected[row] = max(expected[row], left)
    np.testing.assert_array_equal(found, expected)
    assert (found > decades).any()


@pytest.mark.parametrize("rows", [1, 3, 12, 48])
def test_a_median_of_few_readings_is_that_of_many(rows: int) -> None:
    series = np.random.default_rng(2).normal(size=200)
    series[[3, 40, 41, 42, 43, 60]] = np.nan
    series[:2] = np.nan
    carried = _medians(series, rows)
    np.testing.assert_array_equal(_medians(series[:100], rows), carried[:100])
    assert np.isnan(carried[0])


def test_strange_last_rows_are_put_into_the_words_of_a_longer_scan(server: AnomalyServer) -> None:
    quotes = market()
    quotes.iloc[2200:2206, 1] *= 1.41
    quotes.iloc[2230:2236, 0] = np.nan
    quotes.iloc[2260:2280] = quotes.iloc[2259].to_numpy()
    long = scan(server, quotes, threshold=0.05)
    said = {found.timestamp: found for found in long.anomalies}
    for row in (2200, 2203, 2206, 2231, 2235, 2275, 2279):
        at = quotes.index[row]
        part = scan(server, quotes, start=at, end=at, threshold=0.05)
        assert [found.timestamp for found in part.anomalies] == [at], row
        own, other = part.anomalies[0], said[at.to_pydatetime()]
        assert (own.text, own.kind, own.severity) == (other.text, other.kind, other.severity)
        assert own.score == pytest.approx(other.score, rel=1e-6)
        assert own.contributions == pytest.approx(other.contributions, rel=1e-5)
        for column, level in own.expected.items():
            figures, others = vars(level), vars(other.expected[column])
            known = {name for name, figure in figures.items() if figure is not None}
            assert known == {name for name, figure in others.items() if figure is not None}
            for name in known:
                assert figures[name] == pytest.approx(others[name], rel=1e-5)
