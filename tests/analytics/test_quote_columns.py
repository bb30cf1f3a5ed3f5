"""Whatever speaks of the columns of a quote says what `ml.QUOTE_SCHEMA` declares."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.db import connection
from django.db.models import FloatField, PositiveIntegerField
from django.utils import translation
from hypothesis import assume, given
from hypothesis import strategies as st

import ml
from analytics.api.resources.prices import PriceRowInput, PriceSerializer
from analytics.models import PriceHistory
from analytics.selectors.frames import price_frame
from analytics.services.prices.importing import price_import
from analytics.services.prices.posting import price_bulk_add
from analytics.services.prices.rows import QUOTE_HEADER, check_rows
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
        most = connection.ops.integer_field_range("PositiveIntegerField")[1]
        assert most >= column.range[1]
    else:
        assert type(field) is FloatField


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
@given(st.integers(1, 10**15 - 1), st.integers(-12, 2))
def test_fifteen_digits_are_what_was_quoted(digits, power):
    quoted = Decimal(digits).scaleb(power)
    assume(Decimal("1e-12") <= quoted <= Decimal("1e12"))
    checked = check_rows(pd.DataFrame({"timestamp": [TIME], "price": [str(quoted)]}))
    assert not checked.bad.any()
    assert Decimal(repr(float(checked.rows["price"].iloc[0]))) == quoted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("9.300000000000000001", "more digits"),
        ("0.1234567890123456789", "more digits"),
        ("9e-13", "must lie between"),
        ("1.1e12", "must lie between"),
        ("1e400", "not a number"),
        ("0", "above zero"),
    ],
)
def test_a_price_that_cannot_be_kept_as_quoted_is_refused(text, why):
    checked = check_rows(pd.DataFrame({"timestamp": [TIME], "price": [text]}))
    assert why in " ".join(reason for _column, _mask, reason in checked.problems)


@pytest.mark.parametrize("as_text", [False, True])
def test_figures_come_back_as_they_were_posted(db, as_text):
    market = factories.make_market()
    rng = np.random.default_rng(0)
    prices = [round(x, p) for x in 10 ** rng.uniform(-9, 11, 60) for p in (3, 12)]
    prices = [max(price, 1e-12) for price in prices]
    rows = [
        {"timestamp": f"2026-05-01T{k // 60:02d}:{k % 60:02d}:00Z", "bid": str(p) if as_text else p}
        for k, p in enumerate(prices)
    ]
    price_bulk_add(rows=rows, market=market)
    assert price_frame(market)["bid"].tolist() == prices
    stored = PriceHistory.objects.order_by("timestamp").values_list("bid", flat=True)
    assert [float(bid) for bid in stored] == prices
    assert price_bulk_add(rows=rows, market=market).unchanged == len(rows)
