"""The report of a backtest: one page that needs nothing beside it, and its charts as a picture."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from ml.evaluation.charts import charts_png, charts_svg
from ml.evaluation.plan import BacktestPlan, write_whole
from ml.evaluation.scores import score_rows, score_table

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
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:90rem;padding:0 1rem;
color:#1b1f24;background:#fff}
@media(prefers-color-scheme:dark){body{color:#e4e7eb;background:#14171b}}
h1{overflow-wrap:anywhere}
.table{overflow-x:auto}
table{border-collapse:collapse;font-size:13px}
caption{text-align:left;font-weight:600;padding:.4rem 0}
th,td{padding:.25rem .5rem;text-align:right;white-space:nowrap;
border-bottom:1px solid rgb(128 128 128/.35)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(34rem,100%),1fr));gap:2rem;margin-top:2rem}
figure{margin:0}svg{width:100%;height:auto}
"""


def report_backtest(
    forecasts: pd.DataFrame,
    quotes: pd.DataFrame,
    plan: BacktestPlan,
    folder: str | Path,
    *,
    title: str,
) -> list[dict[str, Any]]:
    """Write report.html, report.png and figures.json into `folder`; answers the table, a line per
    horizon and set of targets. The page needs nothing beside it. Raises BadQuotes."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found = score_rows(forecasts, quotes, plan)
    table = score_table(found)
    write_whole(folder / "report.html", _page(title, plan, table, charts_svg(found)).encode())
    write_whole(folder / "report.png", charts_png(found))
    facts = {"title": title, "plan": plan.as_json(), "figures": table}
    write_whole(folder / "figures.json", json.dumps(facts, indent=1, default=str).encode())
    return table


# ------------------------------------------------------------------------------------------ page
def _page(title: str, plan: BacktestPlan, table: list[dict[str, Any]], charts: list[str]) -> str:
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
    drawn = "".join(f"<figure>{chart}</figure>" for chart in charts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
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
        f'<div class="table" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(value: Any, form: str) -> str:
    return "–" if value is None else escape(form.format(value))
