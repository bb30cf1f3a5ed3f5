"""Rows become readings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.anomaly.readings import read_rows
from tests.ml.anomaly.test_features import quotes


def test_a_split_scrape_is_one_reading_and_sees_only_what_has_come() -> None:
    frame = quotes(50)[["bid", "ask"]]
    first, second = frame.copy(), frame.copy()
    first["ask"], second["bid"] = np.nan, np.nan
    second.index = second.index + pd.Timedelta(minutes=1)
    split = pd.concat([first, second]).sort_index()
    whole, halves = read_rows(frame, usual=30), read_rows(split, usual=30)
    assert halves.reading.tolist() == np.repeat(np.arange(50), 2).tolist()
    np.testing.assert_allclose(halves.filled[1::2], whole.filled)
    # The first half of a scrape still has the ask of the reading before.
    np.testing.assert_allclose(halves.filled[2::2, 1], whole.filled[:-1, 1])
    assert np.isnan(halves.seen[2::2, 1]).all()
