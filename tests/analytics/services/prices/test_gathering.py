"""The rows of a file, held until all are known, and laid over each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analytics.services.prices.gathering import gathered
from analytics.services.prices.reading import QuoteBlock
from analytics.services.prices.rows import merge_rows
from analytics.services.prices.storing import FIGURES

START = pd.Timestamp("2026-03-01", tz="UTC").as_unit("us")


def block(*rows):
    """Of (symbol, minutes after START, figures)."""
    frame = pd.DataFrame({name: np.full(len(rows), np.nan) for name in FIGURES})
    for place, (_symbol, _minutes, figures) in enumerate(rows):
        for name, value in figures.items():
            frame.loc[place, name] = value
    moments = pd.DatetimeIndex([START + pd.Timedelta(minutes=m) for _s, m, _f in rows])
    frame.insert(0, "timestamp", moments.as_unit("us"))
    frame.insert(0, "symbol", pd.Categorical([symbol for symbol, _m, _f in rows]))
    return QuoteBlock(frame, [], len(rows), 0, pa.array([], pa.string()))


BLOCKS = [
    block(("B/X@e", 5, {"bid": 1.0}), ("A/X@e", 3, {"bid": 2.0, "ask": 3.0})),
    block(("A/X@e", 3, {"ask": 4.0}), ("C/X@e", 0, {"price": 7.0})),
    block(("B/X@e", 5, {"bid": 9.0}), ("B/X@e", 1, {"ask": 8.0})),
]


@pytest.mark.parametrize("expected", [0, 1, 6, 1000])
def test_rows_are_gathered_in_their_order_however_many_were_expected(expected):
    rows = gathered(iter(BLOCKS), expected)
    assert rows["symbol"].astype(str).tolist() == ["B/X@e", "A/X@e", "A/X@e", "C/X@e"] + 2 * [
        "B/X@e"
    ]
    assert (rows["timestamp"] - START).dt.total_seconds().tolist() == [300, 180, 180, 0, 300, 60]
    assert rows["bid"].fillna(-1).tolist() == [1, 2, -1, -1, 9, -1]
    assert rows["timestamp"].dtype == "datetime64[us, UTC]"


def test_figures_that_no_row_knows_take_no_room():
    assert set(gathered(iter(BLOCKS), 6)) == {"symbol", "timestamp", "bid", "ask", "price"}
    assert gathered(iter([]), 0).empty


def test_rows_of_one_moment_are_merged_wherever_they_stand_as_by_pandas():
    chance = np.random.default_rng(0)
    count = 500
    rows = pd.DataFrame(
        {
            "market_id": chance.integers(1, 4, count),
            "timestamp": START + pd.to_timedelta(chance.integers(0, 80, count), unit="min"),
            "bid": np.where(chance.random(count) < 0.5, np.nan, chance.random(count)),
            "ask": np.where(chance.random(count) < 0.95, np.nan, chance.random(count)),
        }
    )
    plain = rows.groupby(["market_id", "timestamp"], as_index=False, sort=True).last()
    assert len(plain) < count
    assert plain["ask"].isna().any()
    pd.testing.assert_frame_equal(merge_rows(rows), plain)


def test_rows_in_their_order_stay_as_they_are():
    rows = pd.DataFrame(
        {"market_id": [1, 1, 2], "timestamp": [START, START + pd.Timedelta(hours=1), START]}
    ).assign(bid=[1.0, np.nan, 3.0])
    pd.testing.assert_frame_equal(merge_rows(rows), rows)
