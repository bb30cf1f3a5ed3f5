"""Whatever speaks of the columns of a quote says what `ml.QUOTE_SCHEMA` declares."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from django.db import connection
from django.db.models import DecimalField, PositiveIntegerField
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

import ml
from analytics.api.resources.prices import PriceRowInput, PriceSerializer
from analytics.models import PriceHistory
from analytics.selectors.figures import rounded, to_stored
from analytics.selectors.prices import price_frame
from analytics.services.prices.files import QUOTE_HEADER
from analytics.services.prices.importing import price_bulk_add, price_import
from analytics.words import WORDS
from ml.quotes import Kind
from tests import factories

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = pytest.mark.parametrize("column", ml.QUOTE_SCHEMA, ids=lambda column: column.name)
TIME = "2026-05-01T12:00:00Z"


@COLUMNS
def test_the_database_has_a_field_for_it_that_takes_every_figure_below_the_limit(column, db):
    field = PriceHistory._meta.get_field(column.name)
    assert field.null
    assert field.blank
    if column.kind is Kind.COUNT:
        assert type(field) is PositiveIntegerField
        assert connection.ops.integer_field_range("PositiveIntegerField")[1] >= column.limit - 1
    else:
        assert type(field) is DecimalField
        assert (field.max_digits, field.decimal_places) == (column.digits, column.places)


def test_the_database_has_no_other_figures():
    others = {"id", "market", "timestamp"}
    assert {f.name for f in PriceHistory._meta.fields} - others == set(ml.QUOTE_COLUMNS)


@COLUMNS
def test_people_are_told_its_name_in_both_languages(column):
    with translation.override("en"):
        english = str(PriceHistory._meta.get_field(column.name).verbose_name)
        assert english == WORDS[column.name]
    with translation.override("es"):
        assert str(WORDS[column.name]) not in ("", english)


@COLUMNS
def test_the_api_shows_it_takes_it_and_says_what_it_is(column):
    for serializer in (PriceSerializer(), PriceRowInput()):
        field = serializer.fields[column.name]
        assert field.allow_null
        assert field.help_text == f"{column.help} Unit: {column.unit}."


@COLUMNS
def test_a_file_may_name_it_in_any_of_its_ways(column, db, tmp_path):
    for number, name in enumerate((column.name, *column.aliases)):
        path = tmp_path / f"{name}.csv"
        beside = "" if column.kind is Kind.PRICE else ",price"
        cells = f"{column.example}{',9' if beside else ''}"
        path.write_text(f"timestamp,{name}{beside}\n{TIME},{cells}\n")
        price_import(path=path, market=f"A/B@x{number}")
        stored = PriceHistory.objects.get(market__exchange=f"x{number}")
        assert float(getattr(stored, column.name)) == column.example


def test_the_manual_lists_the_columns():
    lines = re.findall(r"^\| `(\w+)` \|(.*)\|$", (ROOT / "docs/api.md").read_text(), re.MULTILINE)
    found = {name: [cell.strip() for cell in rest.split("|")] for name, rest in lines}
    for column in ml.QUOTE_SCHEMA:
        others = ", ".join(f"`{alias}`" for alias in column.aliases)
        assert found[column.name] == [column.help, column.unit, others], column.name


@pytest.mark.parametrize("name", ["README.md", "README.es.md"])
def test_the_readme_shows_the_header_of_a_file(name):
    assert f"`{QUOTE_HEADER}`" in (ROOT / name).read_text()


# ------------------------------------------------------------------------------- in and out again
@given(st.integers(1, 10**15 - 1), st.integers(0, 10))
def test_fifteen_digits_are_what_was_quoted(digits, places):
    quoted = Decimal(digits).scaleb(-places)
    near = np.nextafter(float(quoted), [0, np.inf])  # what a database may read back for it
    values = rounded(np.array([float(quoted), *near]), 10)
    assert to_stored(values, "price") == [quoted] * 3


def test_what_is_unknown_stays_unknown():
    assert to_stored(rounded(np.array([np.nan, 0.0, 3.0]), 0), "bid_offers") == [None, 0, 3]


@pytest.mark.parametrize("as_text", [False, True])
def test_figures_come_back_as_they_were_posted(db, as_text):
    market = factories.make_market()
    rng = np.random.default_rng(0)
    prices = [round(x, p) for x in 10 ** rng.uniform(-2, 5, 60) for p in (2, 9)]
    rows = [
        {"timestamp": f"2026-05-01T{k // 60:02d}:{k % 60:02d}:00Z", "bid": str(p) if as_text else p}
        for k, p in enumerate(prices)
    ]
    price_bulk_add(rows=rows, market=market)
    assert price_frame(market)["bid"].tolist() == prices
    stored = PriceHistory.objects.order_by("timestamp").values_list("bid", flat=True)
    assert [float(bid) for bid in stored] == prices
    assert price_bulk_add(rows=rows, market=market).unchanged == len(rows)
