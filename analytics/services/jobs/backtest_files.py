"""The files that a backtest leaves: what its charts say in each language, which file answers which
reader, and the copies that a command asks for.

A report's page is no file: it is made of `BacktestParts` for whoever reads it. Backtests of before
left a whole page, in English; its charts stand in the new one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import ml
from analytics.conf import conf
from analytics.exceptions import NotFound
from analytics.lazily import pd
from analytics.models import BacktestRun
from analytics.words import written

PREDICTIONS = "predictions.csv.gz"
#: What a succeeded backtest has to offer, by the name it is asked for.
FILES = ("predictions", "report", "chart")
_FIGURES, _PAGE, _PICTURE = "figures.json", "report.html", "report.png"


def chart_words() -> dict[str, ml.ChartWords]:
    """What the charts say, by language: a process that works for no reader draws them for all."""
    made = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            made[language] = _words()
    return made


def _words() -> ml.ChartWords:
    return ml.ChartWords(
        titles={
            "calibration": _("Calibration: share of targets below each quantile"),
            "sharpness": _("Sharpness: mean width of the interval (80 %), last value = 1"),
            "error": _("Average error by week (below 1 beats the last value)"),
            "distribution_error": _("Distribution error by week (below 1 beats the last value)"),
        },
        steps={n: ngettext("%(n)d step", "%(n)d steps", n) % {"n": n} for n in ml.HORIZONS},
        decimal=written("."),
    )


# --------------------------------------------------------------------------------- where they lie
def backtest_folder(run: BacktestRun) -> Path:
    """Where a succeeded backtest's files lie."""
    return conf().backtests / run.folder


def backtest_file(*, run: BacktestRun, name: str) -> Path:
    """The path of the predictions or of the chart in the language that is active; raises NotFound
    where the run has none (yet)."""
    path = backtest_folder(run) / PREDICTIONS
    if name == "chart":
        path = _in_language(backtest_folder(run), "report.{}.png", _PICTURE)
    if not run.folder or not path.is_file():
        raise _missing(run, name)
    return path


def _missing(run: BacktestRun, name: str) -> NotFound:
    return NotFound(_("Backtest %(id)s has no %(name)s.") % {"id": run.pk, "name": name}, "no_file")


def _in_language(folder: Path, pattern: str, old: str) -> Path:
    path = folder / pattern.format(translation.get_language() or settings.LANGUAGE_CODE)
    return path if path.is_file() else folder / old


# ------------------------------------------------------------------------------------- the report
@dataclass(frozen=True, kw_only=True)
class BacktestParts:
    """What a report is made of: the market's symbol, the plan as JSON, a line of figures per
    horizon and set, the charts in the language that is active, as HTML, and the other markets that
    were learned from, None where the family learns from its own alone."""

    market: str
    plan: dict[str, Any]
    figures: list[dict[str, Any]]
    charts: str
    others: list[str] | None = None


def backtest_parts(run: BacktestRun) -> BacktestParts:
    """Those of a run; raises NotFound where it has none (yet)."""
    if not run.folder or not (backtest_folder(run) / _FIGURES).is_file():
        raise _missing(run, "report")
    return parts_of(backtest_folder(run), run.market.symbol)


def parts_of(folder: Path, market: str = "") -> BacktestParts:
    """Those of the files in a folder; `market` where it is not called as they say any more."""
    facts = json.loads((folder / _FIGURES).read_text())
    text = _in_language(folder, "charts.{}.html", _PAGE).read_text()
    first, last = text.find("<figure>"), text.rfind("</figure>")
    return BacktestParts(
        market=market or facts["market"],
        plan=facts["plan"],
        figures=facts["figures"],
        others=facts.get("others"),
        charts=text[first : last + len("</figure>")] if last > 0 else "",
    )


# ------------------------------------------------------------------------------------- deliveries
@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where a backtest's files are wanted: the predictions in a file, the report in a folder.
    `page` makes the report's HTML, in the language that is active."""

    predictions: Path | None = None
    report: Path | None = None
    page: Callable[[BacktestParts], str] | None = None


def backtest_deliver(folder: Path, files: Delivery) -> None:
    """Copy what a backtest left to where it was wanted, each file there at once or not at all."""
    if files.predictions is not None:
        _deliver_predictions(folder / PREDICTIONS, files.predictions)
    if files.report is None:
        return
    _put(files.report / _FIGURES, (folder / _FIGURES).read_bytes())
    chart = _in_language(folder, "report.{}.png", _PICTURE)
    _put(files.report / _PICTURE, chart.read_bytes())
    if files.page is not None:
        _put(files.report / _PAGE, files.page(parts_of(folder)).encode())


def _deliver_predictions(made: Path, target: Path) -> None:
    if target.suffix == ".gz":
        _put(target, made.read_bytes())
    else:
        ml.write_predictions(pd.read_csv(made, dtype=str), target)


def _put(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}.new")
    staged.write_bytes(content)
    os.replace(staged, target)
