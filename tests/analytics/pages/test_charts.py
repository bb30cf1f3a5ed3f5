"""Charts: nothing to draw gives nothing, odd data still draws, text is escaped."""

from __future__ import annotations

import datetime as dt
import math
import re
from xml.etree import ElementTree

import pytest

from analytics.pages import charts
from analytics.pages.numbers import number

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
PAST = [(NOW - dt.timedelta(hours=n), 10 + 0.1 * n) for n in (3, 2, 1)]


def horizon(hours, value, half):
    quantiles = {"0.05": value - half, "0.5": value, "0.95": value + half}
    return {"at": (NOW + dt.timedelta(hours=hours)).isoformat(), "value": value} | {
        "quantiles": quantiles
    }


def fan(line=PAST, last=10.0, horizons=None, **given):
    steps = [horizon(1, 10.1, 0.2), horizon(6, 10.2, 0.5)] if horizons is None else horizons
    return charts.fan_chart(line, NOW, last, steps, title=given.pop("title", "x"), **given)


def test_a_span_is_marked_where_the_chart_has_room_for_it():
    line = [(NOW - dt.timedelta(hours=h), 10.0 + h) for h in (10, 5, 0)]

    def spans(start: float, end: float) -> list[tuple[float, float]]:
        span = charts.Span(
            NOW - dt.timedelta(hours=start), NOW - dt.timedelta(hours=end), "high", "<b>"
        )
        chart = charts.fan_chart(line, NOW, 10.0, [], title="t", spans=[span])
        assert "<b>" not in chart
        found = re.findall(r'<rect class="span high" x="([\d.]+)" y="10" width="([\d.]+)"', chart)
        return [(float(x), float(width)) for x, width in found]

    ((x, width),) = spans(8, 6)
    assert width == pytest.approx((560 - 62 - 12) / 5, abs=0.2)
    assert x == pytest.approx(62 + (560 - 62 - 12) / 5, abs=0.2)
    ((x, width),) = spans(0, 0)
    assert (x, width) == (560 - 12 - charts.THINNEST, charts.THINNEST)
    assert spans(20, 9)[0][0] == 62
    assert spans(30, 11) == []


def test_a_chart_of_nothing_is_empty():
    assert charts.loss_chart([], title="x") == ""
    assert fan([], math.nan, []) == ""


def test_a_chart_is_well_formed_and_says_what_it_is():
    chart = ElementTree.fromstring(fan(title="Price", desc="Goes up."))
    assert [chart[0].text, chart[1].text] == ["Price", "Goes up."]
    assert chart.get("role") == "img"


def test_everything_drawn_lies_inside_the_frame():
    drawn = re.findall(r'points="([^"]+)"', fan())
    points = [tuple(map(float, pair.split(","))) for path in drawn for pair in path.split()]
    assert len(drawn) == 3  # quoted, median and the one band that is given
    assert all(0 <= x <= 560 and 0 <= y <= 210 for x, y in points)


def test_a_band_is_as_wide_as_its_quantiles():
    points = re.search(r'<polygon[^>]+points="([^"]+)"', fan())[1].split()
    heights = [float(pair.split(",")[1]) for pair in points]
    origin, near_top, far_top, far_low, near_low = heights
    assert far_top < near_top < origin < near_low < far_low


def test_a_forecast_without_quantiles_or_past_still_draws():
    bare = [{"at": NOW + dt.timedelta(hours=1), "value": 11.0}]
    chart = fan([], 10.0, bare)
    assert "polygon" not in chart
    assert 'class="median"' in chart


def test_quotes_that_are_not_numbers_are_left_out():
    assert "nan" not in fan([*PAST, (NOW, math.nan)])


def test_an_infinite_forecast_draws_nothing():
    assert fan(horizons=[horizon(1, math.inf, 1.0)]) == ""


def test_a_flat_line_and_a_single_epoch_can_be_drawn():
    assert "<circle" in charts.loss_chart([["fit", 1.0, 1.0]], title="x")
    flat = [["fit", 1.0, None], ["fit", 1.0, None]]
    assert "nan" not in charts.loss_chart(flat, title="x")


def test_a_chart_escapes_its_words():
    assert "<b>" not in charts.loss_chart([["a", 1, 2]], title="<b>", desc="<b>")


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
