"""The report of a backtest: one page that stands alone, and charts that show what was measured."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
import subprocess
import sys
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import ml
from ml.evaluation.charts import (
    CHARTS,
    ChartWords,
    calibration_chart,
    charts_svg,
    sharpness_chart,
    weekly,
)
from ml.evaluation.plan import BacktestPlan, long_form
from ml.evaluation.report import report_backtest
from ml.evaluation.scores import Rows, score_rows
from ml.forecast.metrics import QuantileForecast
from ml.tasks import HORIZONS, QUANTILES, Task
from tests.markets import wandering_market as make_quotes

WORDS = ChartWords(
    titles={name: f"<{name}>" for name in CHARTS},
    steps={n: f"{n} pasos" for n in HORIZONS},
    decimal=",",
)
STEP = 0.002  # of the market's random walk, log price


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    return make_quotes(2400)


@pytest.fixture(scope="module")
def plan(quotes) -> BacktestPlan:
    start = (quotes.index[0] + pd.Timedelta("20D")).to_pydatetime()
    return BacktestPlan(task=Task.PRICE, start=start, end=start + dt.timedelta(days=28))


def forecasts_of(quotes: pd.DataFrame, plan: BacktestPlan, width: float = 1.0) -> pd.DataFrame:
    """The walk's own law around the last value, or one `width` times as wide."""
    origins = plan.origins()
    value = ml.build_grid(quotes)["mid"].reindex(origins).to_numpy()
    normal = np.array([NormalDist().inv_cdf(level) for level in QUANTILES])
    sigma = width * STEP * np.sqrt(HORIZONS)
    quantiles = value[:, None, None] * np.exp(sigma[:, None] * normal)
    values = np.repeat(value[:, None], len(HORIZONS), axis=1)
    return long_form(origins, QuantileForecast(values, quantiles), plan)


@pytest.fixture(scope="module")
def found(quotes, plan) -> list[Rows]:
    return score_rows(forecasts_of(quotes, plan), quotes, plan)


def test_a_report_has_charts_in_each_language(quotes, plan, tmp_path):
    words = {"en": dataclasses.replace(WORDS, decimal="."), "xx": WORDS}
    table = report_backtest(
        forecasts_of(quotes, plan), quotes, plan, tmp_path, market="USDT/BOB", words=words
    )
    english, other = ((tmp_path / f"charts.{name}.html").read_text() for name in words)
    for drawn in (english, other):
        assert drawn.count("<svg") == drawn.count("<figure>") == 4
        assert "&lt;calibration&gt;" in drawn
        assert "<script" not in drawn
        assert "nan" not in drawn.lower()
        # Namespaces have names like addresses; nothing is fetched from one.
        assert not re.search(r'(src|href)="(?!#)|url\((?!#)|@import', drawn)
    assert (">0.50<" in english, ">0.50<" in other, ">0,50<" in other) == (True, False, True)
    for name in words:
        assert (tmp_path / f"report.{name}.png").read_bytes().startswith(b"\x89PNG")
    assert {line["set"] for line in table} == {"all", "clean", "fresh"}
    facts = json.loads((tmp_path / "figures.json").read_text())
    assert (facts["market"], facts["figures"]) == ("USDT/BOB", table)


def test_the_same_forecasts_make_the_same_files(quotes, plan, tmp_path):
    forecasts, words = forecasts_of(quotes, plan), {"xx": WORDS}
    for name in ("a", "b"):
        report_backtest(forecasts, quotes, plan, tmp_path / name, market="x", words=words)
    for name in ("charts.xx.html", "report.xx.png", "figures.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_backtest_too_short_for_a_last_value_s_own_intervals_is_drawn_too(tmp_path):
    quotes = make_quotes(150)
    start = quotes.index[60].to_pydatetime()
    short = BacktestPlan(task=Task.PRICE, start=start, end=quotes.index[-1].to_pydatetime())
    table = report_backtest(
        *(forecasts_of(quotes, short), quotes, short, tmp_path),
        market="short",
        words={"xx": WORDS},
    )
    assert all("crps" not in line for line in table)
    assert (tmp_path / "charts.xx.html").read_text().count("<svg") == 4


def test_charts_take_the_page_s_ink_and_share_no_name(found):
    charts = charts_svg(found, WORDS)
    names = [set(re.findall(r'id="([^"]*)"', chart)) for chart in charts]
    assert len(set.union(*names)) == sum(len(own) for own in names)
    for chart in charts:
        assert "currentColor" in chart
        assert 'role="img" aria-label="' in chart
        # On a dark page neither black ink nor a white sheet is left.
        colours = set(re.findall(r"#[0-9a-f]{6}\b", chart))
        assert colours <= {"#0072b2", "#d55e00", "#009e73", "#cc79a7"}


def test_honest_quantiles_lie_on_the_diagonal(found):
    axes = Figure().subplots()
    calibration_chart(axes, found, WORDS)
    diagonal, *lines = axes.get_lines()
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert len(lines) == len(HORIZONS)
    below = lines[0].get_ydata()
    assert below == pytest.approx(QUANTILES, abs=0.05)
    assert np.all(np.diff(below) > 0)


def test_bars_are_as_high_as_intervals_are_wide(quotes, plan, found):
    heights = []
    for rows in (found, score_rows(forecasts_of(quotes, plan, width=2), quotes, plan)):
        axes = Figure().subplots()
        sharpness_chart(axes, rows, WORDS)
        heights.append(np.array([bar.get_height() for bar in axes.patches]))
    assert heights[0] == pytest.approx(np.ones(len(HORIZONS)), abs=0.25)
    assert heights[1] / heights[0] == pytest.approx(2 * np.ones(len(HORIZONS)), rel=0.02)


def test_a_week_is_scored_on_its_own(found):
    def twice_in_the_first(answer, truth):
        loss = np.ones(len(truth))
        if answer is rows.model:
            loss[rows.origins < second] = 2
        return loss

    rows = found[0]
    second = pd.Timestamp(weekly(rows, lambda answer, truth: np.ones(len(truth)))[0][1], tz="UTC")
    weeks, ratios = weekly(rows, twice_in_the_first)
    assert ratios.tolist() == [2.0, *[1.0] * (len(weeks) - 1)]
    assert set(np.diff(weeks).astype(int)) == {7}


def test_nobody_but_the_report_loads_what_draws():
    code = (
        "import sys, ml; ml.run_backtest, ml.BacktestPlan, ml.compare_models, ml.backtest_figures\n"
        "print('matplotlib' in sys.modules); ml.report_backtest\n"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True", "False"]
