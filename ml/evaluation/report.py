"""The report of a backtest: one page that needs nothing beside it, and its charts as a picture."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.evaluation.drawing import COLOURS, Axes, Drawing, sheet_png
from ml.evaluation.plan import BacktestPlan
from ml.evaluation.scores import Rows, score_rows, score_table
from ml.forecast.metrics import crps
from ml.tasks import HORIZONS, QUANTILES

_TENTHS = tuple((k / 5, f"{20 * k} %") for k in range(6))
_MOST_SKILL = 2.0
_LOW, _HIGH = QUANTILES.index(0.1), QUANTILES.index(0.9)
#: column of the table, its heading, how a figure is written
_COLUMNS = (
    ("h", "steps", "{}"),
    ("n", "n", "{}"),
    ("mae", "MAE", "{:.5f}"),
    ("skill", "skill", "{:.3f}"),
    ("skill_ci95", "95 %", "{0[0]:.3f} – {0[1]:.3f}"),
    ("skill_seasonal", "same hour", "{:.3f}"),
    ("crps", "CRPS", "{:.5f}"),
    ("crps_skill", "CRPS skill", "{:.3f}"),
    ("crps_skill_ci95", "95 %", "{0[0]:.3f} – {0[1]:.3f}"),
    ("crps_skill_seasonal", "same hour", "{:.3f}"),
    ("cov80", "80 % covers", "{:.3f}"),
    ("cov80_ci95", "95 %", "{0[0]:.3f} – {0[1]:.3f}"),
    ("cov90", "90 % covers", "{:.3f}"),
    ("cov90_ci95", "95 %", "{0[0]:.3f} – {0[1]:.3f}"),
    ("width80", "80 % width", "{:.5f}"),
)
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;
color:#1b1f24;background:#fff}table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}
caption{text-align:left;font-weight:600;padding:.4rem 0}th,td{padding:.25rem .5rem;
text-align:right;border-bottom:1px solid #d0d4d9;white-space:nowrap}figure{margin:0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:1rem}
"""


def backtest_figures(
    forecasts: pd.DataFrame, quotes: pd.DataFrame, plan: BacktestPlan
) -> list[dict[str, Any]]:
    """The table of a backtest: a line per horizon and set of targets, as plain JSON."""
    return score_table(score_rows(forecasts, quotes, plan))


def report_backtest(
    forecasts: pd.DataFrame,
    quotes: pd.DataFrame,
    plan: BacktestPlan,
    folder: str | Path,
    *,
    title: str,
) -> list[dict[str, Any]]:
    """Write report.html, report.png and figures.json into `folder`; answers the table."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found = score_rows(forecasts, quotes, plan)
    table = score_table(found)
    charts = [
        draw(found, name)
        for name, draw in (
            ("Calibration: share of targets below each quantile", calibration_chart),
            ("Sharpness: mean width of the 80 % interval, last value = 1", sharpness_chart),
            ("MAE skill by week (below 1 beats the last value)", _over_time(_absolute)),
            ("CRPS skill by week (below 1 beats the last value)", _over_time(_spread_out)),
        )
    ]
    _put(folder / "report.html", _page(title, plan, table, charts).encode())
    _put(folder / "report.png", sheet_png(charts))
    facts = {"title": title, "plan": plan.as_json(), "figures": table}
    _put(folder / "figures.json", json.dumps(facts, indent=1, default=str).encode())
    return table


def _put(path: Path, content: bytes) -> None:
    staged = path.with_name(f".{path.name}.new")
    staged.write_bytes(content)
    os.replace(staged, path)


# ---------------------------------------------------------------------------------------- charts
def _legend() -> list[tuple[str, str]]:
    return [(f"{h} steps", c) for h, c in zip(HORIZONS, COLOURS, strict=True)]


def calibration_chart(found: list[Rows], title: str) -> Drawing:
    """Per horizon, the share of clean targets below each quantile; the diagonal is honest."""
    axes = Axes(title, (0, 1), (0, 1), x_ticks=_TENTHS, y_ticks=_TENTHS)
    axes.line([(0, 0), (1, 1)], dashed=True)
    for rows, colour in zip(found, COLOURS, strict=True):
        kept = rows.kept["clean"]
        if kept.any():
            below = (rows.truth[kept, None] <= rows.model[1][kept]).mean(axis=0)
            axes.line(list(zip(QUANTILES, below.tolist(), strict=True)), colour)
    axes.legend(_legend())
    return axes.drawing


def sharpness_chart(found: list[Rows], title: str) -> Drawing:
    """Per horizon, how wide the 80 % interval is beside the last value's own."""
    ratios = []
    for rows in found:
        kept = rows.kept["clean"] & np.isfinite(rows.last[1]).all(axis=1)
        wide = [(q[kept, _HIGH] - q[kept, _LOW]).sum() for q in (rows.model[1], rows.last[1])]
        ratios.append(float(wide[0] / wide[1]) if wide[1] > 0 else 0.0)
    top = max(1.2, *ratios)
    ticks = [(k / 4, f"{k / 4:g}") for k in range(int(4 * top) + 1)]
    places = [(k + 0.5, f"{h} steps") for k, h in enumerate(HORIZONS)]
    axes = Axes(title, (0, len(HORIZONS)), (0, top), x_ticks=places, y_ticks=ticks)
    for k, (ratio, colour) in enumerate(zip(ratios, COLOURS, strict=True)):
        axes.bar(k + 0.2, 0.6, ratio, colour)
    axes.line([(0, 1), (len(HORIZONS), 1)], dashed=True)
    return axes.drawing


def _absolute(rows: Rows, who: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return np.abs(who[0] - rows.truth)


def _spread_out(rows: Rows, who: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return crps(who[1], rows.truth)


Loss = Callable[[Rows, tuple[np.ndarray, np.ndarray]], np.ndarray]


def _over_time(loss: Loss) -> Callable[[list[Rows], str], Drawing]:
    def draw(found: list[Rows], title: str) -> Drawing:
        lines = [_weekly(rows, loss) for rows in found]
        weeks = sorted({x for line in lines for x, _ in line}) or [0.0]
        shown = weeks[:: max(1, len(weeks) // 5)]
        x_ticks = [(x, f"{pd.Timestamp(x, unit='D'):%d %b %y}") for x in shown]
        y_ticks = [(k / 4, f"{k / 4:g}") for k in range(0, 9, 2)]
        axes = Axes(
            title, (weeks[0], weeks[-1]), (0, _MOST_SKILL), x_ticks=x_ticks, y_ticks=y_ticks
        )
        axes.line([(weeks[0], 1), (weeks[-1], 1)], dashed=True)
        for line, colour in zip(lines, COLOURS, strict=True):
            if line:
                axes.line(line, colour)
        axes.legend(_legend())
        return axes.drawing

    return draw


def _weekly(rows: Rows, loss: Loss) -> list[tuple[float, float]]:
    """(day number of the week's start, ratio to the last value) of the clean targets."""
    own, base = loss(rows, rows.model), loss(rows, rows.last)
    kept = rows.kept["clean"] & np.isfinite(own) & np.isfinite(base)
    week = (rows.origins[kept].as_unit("s").asi8 // 86_400) // 7 * 7
    own, base = own[kept], base[kept]
    sums = [(w, own[week == w].sum(), base[week == w].sum()) for w in np.unique(week)]
    return [(float(w), float(a / b)) for w, a, b in sums if b > 0]


# ------------------------------------------------------------------------------------------ page
def _page(
    title: str, plan: BacktestPlan, table: list[dict[str, Any]], charts: list[Drawing]
) -> str:
    every = "once" if plan.refit_every is None else f"every {plan.refit_every.days} days"
    facts = (
        f"Origins and targets from {plan.start:%Y-%m-%d %H:%M} to {plan.end:%Y-%m-%d %H:%M} UTC, "
        f"every {plan.origin_step * plan.step_minutes} minutes; fitted {every} on what came before."
    )
    sets = {"clean": "Clean targets", "all": "All targets", "fresh": "Clean and newly quoted"}
    tables = "".join(
        _table(words, [line for line in table if line["set"] == name])
        for name, words in sets.items()
    )
    drawn = "".join(f"<figure>{chart.svg()}</figure>" for chart in charts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1><p>{escape(facts)}</p>"
        "<p>Skill is the ratio to the last value on the same rows: below 1 is better. Beside it "
        "the median of the same hour on seven days. Intervals: block bootstrap over days.</p>"
        f'{tables}<div class="charts">{drawn}</div></body></html>'
    )


def _table(caption: str, lines: list[dict[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{escape(words)}</th>' for _, words, _ in _COLUMNS)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{_cell(line.get(name), form)}</td>" for name, _, form in _COLUMNS)
        + "</tr>"
        for line in lines
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _cell(value: Any, form: str) -> str:
    return "–" if value is None else escape(form.format(value))
