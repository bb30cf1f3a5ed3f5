"""Lists as tables, and all quotes of a market in one answer."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
from typing import Any

import pytest

from analytics.api.tables import as_csv, cell, columns, flat
from analytics.models import Market, PriceHistory
from analytics.selectors import frames

from .conftest import Caller, assert_error
from .rows import make_anomaly, make_forecast, make_pattern
from .test_access import ADDRESSES

pytestmark = pytest.mark.django_db
#: Every address that answers GET with rows.
LISTS = (
    *("markets", "prices", "sources", "training-runs", "models", "forecasts", "anomaly-events"),
    *("anomalies", "patterns", "backtests", "families", "sources/venues"),
    *("alert-rules", "alert-rules/kinds", "alert-channels", "alert-channels/kinds"),
    "alert-deliveries",
)


def table(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.content.decode())))


@pytest.fixture
def stored(market, quotes, models):
    forecast = make_forecast(market, models["price"])
    forecast.horizons = [{"steps": 1, "minutes": 30, "quantiles": {"0.5": 9.3}}]
    forecast.save()
    make_pattern(market, models["pattern"])
    make_anomaly(market, models["anomaly"])


# ----------------------------------------------------------------------------------- every list
@pytest.mark.parametrize("path", LISTS)
def test_every_list_is_a_table_by_parameter_and_by_header(api, stored, path):
    by_parameter = api.get(f"{path}?format=csv")
    header, *lines = table(by_parameter)
    assert len(header) == len(set(header)) > 1
    assert all(len(line) == len(header) for line in lines)
    by_header = api.get(path, accept="text/csv")
    assert by_header.content == by_parameter.content
    found = api.get(path).json()
    rows = found["results"] if isinstance(found, dict) else found
    assert len(lines) == len(rows)


@pytest.mark.parametrize("path", LISTS)
def test_a_table_without_rows_has_its_header(api, market, path):
    Market.objects.exclude(pk=market.pk).delete()
    assert len(table(api.get(f"{path}?format=csv"))[0]) > 1


def test_no_list_is_forgotten(as_staff, market):
    """Whatever answers GET with a list, or a page of one, is in LISTS."""
    rows = set()
    for path in ADDRESSES:
        answer = as_staff.get(path)
        if answer.status_code == 200 and answer["Content-Type"] == "application/json":
            body = answer.json()
            if isinstance(body, list) or "results" in body:
                rows.add(path)
    assert rows == set(LISTS)


def test_nested_fields_have_dotted_names_and_their_values(api, stored):
    row = api.get("forecasts").json()["results"][0]
    header, line = table(api.get("forecasts?format=csv"))
    found = dict(zip(header, line, strict=True))
    assert found["horizons.0.minutes"] == str(row["horizons"][0]["minutes"])
    assert "horizons" not in found
    assert found["market"] == row["market"]


def test_a_table_is_paged_and_says_where_the_next_page_is(api, quotes):
    first = api.get("prices?format=csv&page_size=8")
    assert len(table(first)) == 1 + 8
    link = first["Link"]
    assert link.endswith('; rel="next"')
    assert "format=csv" in link
    second = api.get(link[link.index("/api") : link.index(">")])
    assert len(table(second)) == 1 + 8
    assert table(second)[1] != table(first)[1]
    assert 'rel="prev"' in second["Link"]


def test_a_table_is_a_file_to_save_and_lies_in_no_cache_for_json(api, market):
    answer = api.get("markets?format=csv")
    assert answer["Content-Disposition"] == 'attachment; filename="markets.csv"'
    assert "Accept" in answer["Vary"]


def test_a_table_is_filtered_as_the_list_is(api, market, quotes):
    span = "from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z"
    assert len(table(api.get(f"prices?format=csv&{span}"))) == 1


# --------------------------------------------------------------------------- what is no table
def test_an_error_is_json_whatever_was_asked_for(api, market):
    assert_error(api.get("prices?format=csv&market=nothing"), 404, "unknown_market", "market")
    assert_error(api.get("markets?nonsense=1", accept="text/csv"), 400, "unknown_parameter")
    assert_error(Caller().get("markets?format=csv"), 401)


@pytest.mark.parametrize(
    "path", ["markets/{}?format=csv", "markets?format=xml", "dl/model-info?format=csv"]
)
def test_a_format_that_is_not_there_is_named(api, market, path):
    found = assert_error(api.get(path.format(market.pk)), 400, "unknown_format", "format")
    assert "json" in found["fields"]["format"]


# ------------------------------------------------------------------------------------ the cells
def test_cells_are_what_a_spreadsheet_reads():
    assert [cell(v) for v in (None, True, False, 1.5, math.nan, [1, "é"], {})] == [
        *("", "true", "false", 1.5, ""),
        '[1, "é"]',
        "",
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_a_text_is_no_formula(text):
    assert cell(text) == f"'{text}"


def test_flat_names_every_leaf_once():
    nested = {"a": {"b": {"c": 1}, "d": []}, "e": [{"f": 2}, {"f": 3}], "g": [1, 2], "h": None}
    assert flat(nested) == {
        **{"a.b.c": 1, "a.d": [], "e.0.f": 2, "e.1.f": 3, "g": [1, 2]},
        "h": None,
    }


def test_columns_keep_their_order_though_rows_differ():
    rows = [{"a": 1, "n": None, "z": 2}, {"a": 1, "n.x": 3, "z": 4}]
    assert columns(rows, ["a", "n", "z"]) == ["a", "n.x", "z"]
    assert as_csv([{"a": 1}, {"b": {"c": 'x,"'}}]) == 'a,b.c\n1,\n,"x,"""\n'


# ---------------------------------------------------------------------------------- the export
def body(answer: Any) -> bytes:
    assert answer.status_code == 200
    assert answer.streaming
    return b"".join(answer.streaming_content)


def test_the_export_holds_every_quote_oldest_first(api, market, quotes):
    rows = list(csv.DictReader(io.StringIO(body(api.get(f"markets/{market.pk}/export")).decode())))
    listed = api.get("prices?page_size=1000&ordering=timestamp").json()["results"]
    assert [row["timestamp"] for row in rows] == [row["timestamp"] for row in listed]
    for name in ("bid", "ask", "bid_volume"):
        assert [float(row[name]) for row in rows] == [row[name] for row in listed]
    assert {row["volume"] for row in rows} == {""}


def test_lines_of_json_are_the_rows_of_the_list(api, market, quotes):
    lines = body(api.get(f"markets/{market.pk}/export?format=jsonl")).splitlines()
    listed = api.get("prices?page_size=1000&ordering=timestamp").json()["results"]
    derived = ("avg_price", "spread_pct")
    assert [json.loads(line) for line in lines] == [
        {k: v for k, v in row.items() if k not in derived} for row in listed
    ]


def test_the_export_takes_a_span_with_both_ends(api, market, quotes):
    ends = sorted(quote.timestamp for quote in quotes)[3:6]
    span = f"from={ends[0]:%Y-%m-%dT%H:%M:%SZ}&to={ends[-1]:%Y-%m-%dT%H:%M:%SZ}"
    assert len(body(api.get(f"markets/{market.pk}/export?{span}")).splitlines()) == 1 + 3


def test_the_export_comes_in_steps_and_loses_nothing_between_them(market, quotes):
    chunks = list(frames.price_chunks(market, rows=6))
    assert [len(chunk) for chunk in chunks] == [6, 6, 6, 2]
    moments = [row[0] for chunk in chunks for row in chunk]
    assert moments == sorted(quote.timestamp for quote in quotes)


def test_an_export_of_no_quotes_is_its_header(api, market):
    assert body(api.get(f"markets/{market.pk}/export")).startswith(b"market,timestamp,bid,")
    assert body(api.get(f"markets/{market.pk}/export?format=jsonl")) == b""


def test_what_was_exported_can_be_posted_again(api, market, quotes):
    exported = body(api.get(f"markets/{market.pk}/export"))
    PriceHistory.objects.filter(timestamp=quotes[4].timestamp).delete()
    answer = api("POST", "prices", exported, **{"content-type": "text/csv"})
    assert answer.status_code == 200, answer.content
    counts = answer.json()
    assert (counts["new"], counts["updated"], counts["unchanged"]) == (1, 0, len(quotes) - 1)


def test_wrong_asks_of_the_export_are_told_in_json(api, market):
    path = f"markets/{market.pk}/export"
    assert_error(api.get(f"{path}?from=soon"), 400, "invalid", "from")
    assert_error(api.get(f"{path}?since=2026-01-01"), 400, "unknown_parameter", "since")
    assert_error(api.get(f"{path}?format=json"), 400, "unknown_format", "format")
    assert_error(api.get("markets/77/export"), 404)


def test_microseconds_are_kept(api, market):
    at = dt.datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=dt.UTC)
    PriceHistory.objects.create(market=market, timestamp=at, price=1e-12)
    line = json.loads(body(api.get(f"markets/{market.pk}/export?format=jsonl")))
    assert (line["timestamp"], line["price"]) == ("2026-05-01T12:00:00.123456Z", 1e-12)
