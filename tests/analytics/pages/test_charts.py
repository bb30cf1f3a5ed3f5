"""Charts: nothing to draw gives nothing, odd data still draws, what is not finite never leaves."""

from __future__ import annotations

import datetime as dt
import json
import math

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from analytics.pages.charts import Chart, Figures, Line, Panel, Table, digits, figures
from analytics.pages.fans import fan_chart, fan_table
from analytics.pages.numbers import number
from analytics.pages.runs import loss_chart

pytestmark = pytest.mark.any_database

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def horizon(hours, value, half):
    quantiles = {"0.05": value - half, "0.5": value, "0.95": value + half}
    return {"at": (NOW + dt.timedelta(hours=hours)).isoformat(), "value": value} | {
        "quantiles": quantiles
    }


def fan(last=10.0, horizons=None, summary="", figures=None):
    steps = [horizon(6, 10.2, 0.5), horizon(1, 10.1, 0.2)] if horizons is None else horizons
    table = fan_table(NOW, last, steps)
    return fan_chart("f", table, title="x", summary=summary, figures=figures or Figures())


def spec_of(chart):
    """As the browser reads it: strict JSON."""
    return json.loads(json.dumps(chart.spec(), allow_nan=False))


def test_a_chart_of_nothing_is_none():
    assert loss_chart("x", []) is None
    assert loss_chart("x", [["fit", None, None]]) is None
    assert fan(math.nan, []) is None


def test_a_fan_begins_at_the_last_value_and_widens_with_time():
    spec = spec_of(fan())
    (forecast,) = spec["tables"]
    assert forecast["x"] == [NOW.timestamp() + 3600 * h for h in (0, 1, 6)]
    assert forecast["columns"]["median"] == [10.0, 10.1, 10.2]
    assert forecast["columns"]["q0.05"] == pytest.approx([10.0, 9.9, 9.7])
    (panel,) = spec["panels"]
    # Of the three bands only the one whose quantiles are known.
    assert [(b["low"], b["high"], b["label"]) for b in panel["bands"]] == [
        ("q0.05", "q0.95", "90 %")
    ]
    assert panel["rules"] == [NOW.timestamp()]


def test_every_band_and_line_of_a_panel_names_a_column_that_is_there():
    spec = spec_of(fan())
    known = {name for table in spec["tables"] for name in table["columns"]}
    for panel in spec["panels"]:
        lines = {line["column"] for line in panel["lines"]}
        assert lines <= known
        assert {name for b in panel["bands"] for name in (b["low"], b["high"])} <= lines


def test_a_forecast_without_quantiles_still_draws():
    chart = fan(10.0, [{"at": NOW + dt.timedelta(hours=1), "value": 11.0}])
    assert chart.panels[0].bands == []
    assert [line.column for line in chart.panels[0].lines] == ["median"]


def test_what_is_no_number_is_left_out_and_an_infinite_forecast_draws_no_fan():
    assert fan(horizons=[horizon(1, math.inf, 1.0)]) is None
    spec = Table(x=[1, 2], columns={"a": [math.nan, math.inf]}).spec()
    assert spec["columns"]["a"] == [None, None]


def test_every_network_of_a_run_has_its_own_curve_over_its_own_epochs():
    chart = loss_chart(
        "x",
        [["a 1/2", 3, 4, 1], ["a 1/2", 2, None, 2], ["a 2/2", 5, 6, 1], ["a 2/2", 1, 7, 2]],
    )
    (table,) = spec_of(chart)["tables"]
    assert table["x"] == [1, 2]
    assert table["columns"] == {
        "train0": [3, 2],
        "train1": [5, 1],
        "valid0": [4, None],
        "valid1": [6, 7],
    }
    named = [[line.label for line in panel.lines] for panel in chart.panels]
    assert named == [["a 1/2", "a 2/2"]] * 2
    looks = {(line.kind, line.color) for line in chart.panels[0].lines}
    assert len(looks) == 2
    assert chart.figures.rows == [
        ["1", "3.000", "5.000", "4.000", "6.000"],
        ["2", "2.000", "1.000", "–", "7.000"],
    ]


def test_losses_of_earlier_releases_count_the_epochs_of_a_stage():
    chart = loss_chart("x", [["a", 3, 4], ["a", 2, None], ["b", 5, 6], ["b", 1]])
    (table,) = spec_of(chart)["tables"]
    assert table["x"] == [1, 2]
    assert table["columns"]["train1"] == [5, 1]


def test_networks_are_named_in_the_readers_language():
    with translation.override("es"):
        chart = loss_chart("x", [["training 1/2", 3, 4, 1], ["else", 2, 1, 1]])
    assert [line.label for line in chart.panels[0].lines] == ["entrenamiento 1/2", "else"]


def test_the_table_of_a_long_chart_is_short_and_ends_with_the_last_point():
    table = Table(x=list(range(0, 360_000, 3600)), columns={"a": list(range(1, 101))})
    found = figures(table, {"a": "A"})
    assert len(found.rows) == 20
    assert found.rows[-1] == ["1970-01-05 03:00 UTC", "100.0"]
    assert found.note == "20 of 100 points."


def test_words_of_a_chart_are_escaped_on_the_page():
    evil = "</script><b>"
    chart = Chart(
        id="c",
        title=evil,
        summary=evil,
        tables=[Table(x=[1, 2], columns={"a": [1, 2]})],
        panels=[Panel(lines=[Line(column="a", label=evil)], title=evil)],
        figures=Figures([evil, evil], [[evil, evil]]),
    )
    page = render_to_string("analytics/partials/chart.html", {"chart": chart})
    assert "<b>" not in page
    assert page.count("<script") == page.count("</script>") == 1


def test_a_chart_says_what_it_shows_without_a_picture():
    chart = fan(summary="Goes up.", figures=Figures(["When", "Value"], [["soon", "10.1"]]))
    page = render_to_string("analytics/partials/chart.html", {"chart": chart})
    assert page.count("Goes up.") == 3  # for screen readers, without JavaScript, and in the spec
    assert '<th scope="row">soon</th><td class="n">10.1</td>' in page


@pytest.mark.parametrize(
    ("values", "places"),
    [([9.62], 4), ([0.00123], 7), ([36_000, 4.0], 0), ([None, math.nan], 4), ([0], 2), ([-250], 2)],
)
def test_figures_of_a_chart_keep_five_digits(values, places):
    assert digits(values) == places


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0, "0"),
        (13.7, "13.70"),
        (0.00123, "0.001230"),
        (-2, "-2.000"),
    ],
)
def test_numbers_keep_four_digits(value, text):
    assert number(value) == text
