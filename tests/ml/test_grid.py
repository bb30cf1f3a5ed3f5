"""The grid holds what was known at each moment, and nothing that came later."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ml
from ml.audit import dataset_hash
from ml.errors import BadQuotes
from ml.grid import build_grid, check_quotes, grid_at

START = pd.Timestamp("2026-01-01", tz="UTC")


def at(*minutes: float) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([START + pd.Timedelta(minutes=m) for m in minutes], name="timestamp")


def make(minutes, **columns) -> pd.DataFrame:
    return pd.DataFrame(columns, index=at(*minutes), dtype="float64")


def test_a_row_holds_the_last_value_at_or_before_it():
    grid = build_grid(make([0, 29, 30, 59], bid=[1, 2, 3, 4], ask=[2, 3, 4, 5]), step_minutes=30)
    assert grid["bid"].tolist() == [1.0, 3.0]
    assert grid["mid"].tolist() == [1.5, 3.5]
    assert grid["spread_pct"].iloc[0] == pytest.approx(100 / 1.5)


def test_what_comes_later_changes_no_earlier_row():
    random = np.random.default_rng(0)
    minutes = np.cumsum(random.integers(1, 60, 300)).astype(float)
    bid = np.where(random.random(300) < 0.2, np.nan, 9 + random.random(300))
    quotes = make(minutes, bid=bid, ask=9.5 + random.random(300))
    whole = build_grid(quotes, step_minutes=30)
    for rows in (20, 150, 299):
        part = build_grid(quotes.iloc[:rows], step_minutes=30)
        pd.testing.assert_frame_equal(part, whole.iloc[: len(part)], check_freq=False)


def test_each_side_goes_stale_by_itself():
    minutes = [0, 60, 120, 180, 240]
    grid = build_grid(make(minutes, bid=[1, *[np.nan] * 4], ask=[2.0] * 5), step_minutes=30)
    fresh = grid["bid"].notna()
    assert fresh[: START + pd.Timedelta(hours=3)].all()
    assert not fresh[START + pd.Timedelta(minutes=181) :].any()
    assert grid["ask"].notna().all()
    assert grid["mid"].iloc[-1] != grid["mid"].iloc[-1]  # NaN: a side is missing
    assert grid["bid_age"].iloc[-1] == 240
    assert grid["age"].iloc[-1] == 0


def test_the_limit_of_staleness_grows_with_the_step():
    quotes = make([0, 3000], price=[1, 2])
    hourly = build_grid(quotes, step_minutes=60)["price"]
    assert hourly.iloc[:-1].notna().sum() == 7
    assert build_grid(quotes, step_minutes=30, stale_minutes=60)["price"].notna().sum() == 4


def test_the_grid_may_reach_past_the_last_quote():
    end = START + pd.Timedelta(hours=5)
    grid = build_grid(make([0, 30], price=[1, 2]), step_minutes=30, end=end)
    assert grid.index[-1] == end
    assert np.isnan(grid["mid"].iloc[-1])
    assert grid["age"].iloc[-1] == 270


def test_one_price_column_is_enough():
    for name in ("price", "bid", "ask"):
        grid = build_grid(make([0, 30], **{name: [1, 2]}), step_minutes=30)
        assert grid["mid"].tolist() == [1.0, 2.0]
        assert "spread_pct" not in grid


@pytest.mark.parametrize(
    "quotes",
    [
        make([0, 1], bid=[1, 2]).tz_localize(None),
        make([0, 1], bid=[1, 2]).reset_index(drop=True),
        make([1, 0], bid=[1, 2]),
        make([0, 0], bid=[1, 2]),
        make([0, 1], bid_volume=[1, 2]),
        make([0, 1], bid=[np.nan, np.nan]),
    ],
    ids=["naive", "no times", "unsorted", "doubled", "no price", "empty price"],
)
def test_quotes_no_model_could_use_are_refused(quotes):
    with pytest.raises(BadQuotes) as caught:
        check_quotes(quotes)
    assert caught.value.fields


def test_unknown_and_empty_columns_are_left_out():
    quotes = make([0, 1], bid=[1, 2], ask=[np.nan, np.nan], colour=[1, 2])
    assert list(check_quotes(quotes).columns) == ["bid"]


def test_the_hash_tells_one_changed_figure():
    quotes = make([0, 1], bid=[1, 2])
    assert ml.dataset_hash(quotes) == dataset_hash(quotes.copy())
    assert dataset_hash(quotes) != dataset_hash(quotes * 1.0000001)
    assert dataset_hash(quotes) != dataset_hash(quotes.rename(columns={"bid": "ask"}))


def test_some_moments_of_a_grid_are_those_of_the_whole():
    quotes = make([5, 29, 61, 400], bid=[1, 2, np.nan, 4], ask=[2, 3, 4, 5], bid_volume=np.nan)
    whole = build_grid(quotes, step_minutes=30)
    moments = [START + pd.Timedelta(minutes=m) for m in (0, 30, 60, 90, 390)]
    found = grid_at(quotes, moments, step_minutes=30)
    expected = whole.reindex(pd.DatetimeIndex(moments))
    assert found.keys() == set(whole.columns)
    for name in ("bid", "ask", "mid", "spread_pct", "age"):
        np.testing.assert_array_equal(found[name], expected[name].to_numpy(), err_msg=name)
    between = grid_at(quotes, [START + pd.Timedelta(minutes=31)], step_minutes=30)
    assert np.isnan(between["mid"]).all()
    with pytest.raises(BadQuotes):
        grid_at(make([5], bid=[np.nan]), moments, step_minutes=30)


def test_columns_that_are_known_throughout_do_not_lend_their_places_to_others():
    index = pd.date_range("2026-01-01 00:10", periods=8, freq="47min", tz="UTC")
    quotes = pd.DataFrame({"bid": np.arange(8.0), "ask": np.arange(8.0) + 1}, index=index)
    quotes.iloc[[2, 5], 1] = np.nan
    quotes["price"] = quotes["bid"]
    grid = build_grid(quotes)
    for column in ("bid", "ask", "price"):
        alone = build_grid(
            quotes[[column]].dropna().rename(columns={column: "price"}), end=index[-1]
        )
        there = grid.reindex(alone.index)
        np.testing.assert_array_equal(there[column], alone["price"])
        np.testing.assert_array_equal(there[f"{column}_age"], alone["price_age"])


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_the_rows_are_a_step_apart_through_a_change_of_clocks(unit, zone):
    hours = pd.date_range("2025-11-01 12:00", periods=30, freq="h", tz="UTC")
    index = hours.tz_convert(zone).as_unit(unit).rename("timestamp")
    quotes = pd.DataFrame({"price": np.arange(30.0)}, index=index)
    grid = build_grid(quotes, step_minutes=60)
    assert (grid.index == hours).all()
    assert grid["price"].tolist() == quotes["price"].tolist()


def test_columns_of_one_frame_are_not_taken_for_those_of_another():
    """However many frames there were before."""
    for names in (["bid", "ask"], ["ask", "bid"], ["price"]) * 100:
        quotes = make([0, 30], **{name: [k + 1.0, k + 2.0] for k, name in enumerate(names)})
        grid = build_grid(quotes, step_minutes=30)
        assert [grid[name].iloc[0] for name in names] == [k + 1.0 for k in range(len(names))]
