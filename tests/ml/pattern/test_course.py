"""A course that goes on from the one before says what one that is made anew says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.grid import build_grid
from ml.pattern.course import MONTH, Course
from ml.pattern.features import make_channels
from ml.pattern.rolling import FEW, rolling_extreme, rolling_mean, rolling_median
from tests.markets import regime_market as market

ROWS = 2 * MONTH + 300
#: Rows that depend on nothing before the grid's first row.
SURE = 200


@pytest.fixture(scope="module")
def grid() -> pd.DataFrame:
    quotes = market(ROWS + 60)
    quotes.iloc[-90:-80] = np.nan
    return build_grid(quotes.dropna(how="all"))


def went_on(parts: list[pd.DataFrame]) -> Course:
    course = None
    for part in parts:
        course = Course(part, course)
        make_channels(part, course)
    return course


def test_channels_a_row_later_are_those_made_anew(grid):
    parts = [grid.iloc[end - ROWS : end] for end in range(len(grid) - 30, len(grid))]
    course = went_on(parts)
    assert course.known == ROWS - 1
    found, fresh = course.goes_on("channels", lambda _: None), make_channels(parts[-1])[1]
    np.testing.assert_allclose(found[-SURE:], fresh[-SURE:], atol=1e-9)


def test_a_corrected_quote_is_seen_in_every_row_after_it(grid):
    before = grid.iloc[-ROWS:]
    after = before.copy()
    after.iloc[-50, after.columns.get_loc("mid")] *= 1.01
    course = went_on([before, after])
    assert course.known == ROWS - 50
    names, fresh = make_channels(after)
    assert course.names == names
    np.testing.assert_allclose(course.goes_on("channels", lambda _: None), fresh, atol=1e-9)


def test_nothing_stands_where_a_column_came_or_the_market_moved_away(grid):
    before = grid.iloc[:-100]
    assert Course(grid.assign(more=1.0), Course(before)).known == 0
    assert Course(grid.iloc[-50:], Course(before)).known == 0


@pytest.mark.parametrize("rows", [1, FEW])
def test_the_last_rows_alone_are_those_of_all_rows(rows):
    values = np.random.default_rng(0).normal(size=120)
    values[[3, 50, 110, 111, 112, 118]] = np.nan
    for window, least in ((3, 1), (24, 6), (100, 100), (200, 20)):
        for rolling in (rolling_median, rolling_mean):
            whole = rolling(values, window, least=least, rows=len(values))
            part = rolling(values, window, least=least, rows=rows)
            np.testing.assert_allclose(part, whole[-rows:], rtol=1e-12)
    for low in (True, False):
        whole = rolling_extreme(values, 4, len(values), low=low)
        np.testing.assert_array_equal(rolling_extreme(values, 4, rows, low=low), whole[-rows:])
