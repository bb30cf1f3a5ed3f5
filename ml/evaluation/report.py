"""What a backtest's report is made of: figures, and charts in each language that is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ml.evaluation.charts import ChartWords, charts_png, charts_svg
from ml.evaluation.plan import BacktestPlan, write_whole
from ml.evaluation.scores import score_rows, score_table

FIGURES = "figures.json"


def report_backtest(
    forecasts: pd.DataFrame,
    quotes: pd.DataFrame,
    plan: BacktestPlan,
    folder: str | Path,
    *,
    market: str,
    words: Mapping[str, ChartWords],
    others: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Write figures.json into `folder`, and for each language of `words` charts.LANGUAGE.html (an
    svg per chart, to stand in a page) and report.LANGUAGE.png; answers the table, a line per
    horizon and set of targets. `others` are the markets that were learned from beside the own one,
    None where the family learns from none. Raises BadQuotes."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found = score_rows(forecasts, quotes, plan)
    table = score_table(found)
    for language, said in words.items():
        drawn = "".join(f"<figure>{chart}</figure>" for chart in charts_svg(found, said))
        write_whole(folder / f"charts.{language}.html", drawn.encode())
        write_whole(folder / f"report.{language}.png", charts_png(found, said))
    facts: dict[str, Any] = {"market": market, "plan": plan.as_json(), "figures": table}
    if others is not None:
        facts["others"] = list(others)
    write_whole(folder / FIGURES, json.dumps(facts, indent=1, default=str).encode())
    return table
