"""The one declaration of what a quote is made of, and the rules about its age."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pytest

import ml
from ml.quotes import QUOTE_SCHEMA, SIDES, Kind, column_names

NOON = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def test_names_and_aliases_are_clear():
    names = [name for column in QUOTE_SCHEMA for name in (column.name, *column.aliases)]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() and name == name.lower() for name in names)


@pytest.mark.parametrize("column", QUOTE_SCHEMA, ids=lambda column: column.name)
def test_every_column_says_what_it_is_and_its_example_fits(column):
    assert column.help.endswith(".")
    assert column.unit
    assert column.side in (*SIDES, None)
    assert column.range[0] <= column.example <= column.range[1]
    assert not column.whole or column.example == int(column.example)


def test_columns_are_chosen_by_kind_and_side():
    assert column_names(Kind.PRICE) == ["bid", "ask", "price"]
    assert column_names(Kind.VOLUME, sides=SIDES) == ["bid_volume", "ask_volume"]
    assert column_names(sides=("ask",)) == ["ask", "ask_vwap", "ask_volume", "ask_offers"]
    assert column_names() == list(ml.QUOTE_COLUMNS)


def test_the_names_of_columns_load_neither_numpy_nor_torch():
    code = (
        "import sys, ml; ml.QUOTE_SCHEMA, ml.staleness_limit\n"
        "print(sorted({'numpy', 'pandas', 'torch', 'django'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(("step", "minutes"), [(1, 180), (30, 180), (31, 186), (60, 360)])
def test_a_quote_speaks_for_three_hours_or_six_steps(step, minutes):
    assert ml.staleness_limit(step) == minutes


@pytest.mark.parametrize(
    ("hours", "quotes", "rows"), [(0, 1, 1), (5, 100, 11), (5, 1, 6), (5.4, 2, 11)]
)
def test_few_quotes_fill_few_rows_of_a_grid(hours, quotes, rows):
    last = NOON + dt.timedelta(hours=hours)
    assert ml.fillable_rows(NOON, last, quotes=quotes, step_minutes=30) == rows
