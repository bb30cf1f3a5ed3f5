"""The views of a plain value."""

from __future__ import annotations

import numpy as np

from ml.anomaly.values.features import same_time_of_day, value_features
from ml.anomaly.values.rarity import Rarity
from tests.ml.anomaly.values.test_scoring import series


def test_the_same_time_of_day_is_found_over_gaps_and_never_ahead():
    seconds = np.arange(0.0, 10 * 86400, 3600)
    values = np.tile(np.arange(24.0), 10)
    usual = same_time_of_day(values, seconds, 3600)
    assert np.isnan(usual[:24]).all()
    np.testing.assert_array_equal(usual[24:], values[24:])
    keep = np.ones(len(values), dtype=bool)
    keep[50:75] = False
    gappy = same_time_of_day(values[keep], seconds[keep], 3600)
    np.testing.assert_array_equal(gappy[24:], values[keep][24:])
    assert np.isnan(same_time_of_day(values, seconds * 24, 86400.0)).all()


def test_every_view_is_finite_and_has_a_scale():
    rows = series(600)
    features = value_features(rows["value"].to_numpy(), np.arange(600) * 1800.0, 90)
    assert np.isfinite(features.table).all()
    assert (Rarity.fit(features.table[:90]).scale > 0).all()
