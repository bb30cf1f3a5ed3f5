"""The versions of a task in words: who answers, its challengers, what became of its forecasts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from analytics.models import BacktestRun, TrainedModel, TrainingRun
from analytics.models.choices import Task
from analytics.models.run import Run
from analytics.pages.charts import Chart, Line, Panel, Table, figures
from analytics.pages.metrics import baseline_name, metric_head, metric_name
from analytics.pages.models import against_baseline, verdict
from analytics.pages.numbers import duration, percent
from analytics.pages.runs import run as progress
from analytics.selectors.models import is_broken, model_decision
from analytics.selectors.versions import TaskState

MARKS = {"active": "good", "retired": "quiet", "candidate": ""}
RUN_MARKS = {"succeeded": "good", "failed": "bad", "cancelled": "quiet"}
#: Versions that a chart of live figures shows, the newest ones, and the look of each.
LOOKS = (("line", "line"), ("dash", "warn"), ("dots", "good"), ("line", "soft"))


def state_line(found: TaskState) -> dict[str, Any]:
    """A line of the table of all tasks."""
    model = found.model
    line: dict[str, Any] = {
        "market": found.market,
        "task": found.task,
        "label": Task(found.task).label,
        "model": model,
        "versions": found.versions,
        "run": progress(found.run) if found.run else None,
    }
    return line if model is None else {**line, **serving(model)}


def serving(model: TrainedModel) -> dict[str, Any]:
    """Who answers, given the active version or else the newest, and by which figures."""
    mark = against_baseline(model)
    active = model.status == TrainedModel.Status.ACTIVE and not is_broken(model)
    baseline = baseline_name(model.baseline)
    return {
        "mark": mark | {"baseline": baseline},
        "active": active,
        "answers": str(model) if active else baseline,
    }


def version_line(model: TrainedModel) -> dict[str, Any]:
    """A version in the list of them, with what was decided about it."""
    event = model_decision(model)
    broken = is_broken(model)
    return {
        "model": model,
        "state": _("broken") if broken else model.get_status_display(),
        "state_mark": "bad" if broken else MARKS[model.status],
        "mark": against_baseline(model),
        "verdict": verdict(event.figures) if event else "",
        "promotable": model.status != TrainedModel.Status.ACTIVE,
    }


def run_line(run: TrainingRun) -> dict[str, Any]:
    """A training in a list."""
    return {**progress(run), **_ended(run)}


def backtest_line(run: BacktestRun) -> dict[str, Any]:
    """A backtest in a list; its report has an address once it has succeeded."""
    eta = duration(run.eta_seconds) if run.eta_seconds is not None else ""
    return {"row": run, "percent": round(100 * run.progress), "eta": eta, **_ended(run)}


def _ended(run: Run) -> dict[str, Any]:
    cancelling = run.is_open and run.cancel_requested
    return {
        "state": _("cancelling") if cancelling else run.get_status_display(),
        "mark": RUN_MARKS.get(run.status, ""),
        "took": duration(run.seconds) if run.seconds is not None else "",
    }


# ---------------------------------------------------------------------------------------- live
def live_chart(name: str, rows: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Day by day and version by version: the error over the last value's, and how often the 80 %
    and 90 % intervals held. None where nothing was scored."""
    versions = {row["model"]: f"{row['family']} v{row['version']}" for row in rows}
    shown = sorted(versions)[-len(LOOKS) :]
    if not shown:
        return None
    days = sorted({row["day"] for row in rows if row["model"] in shown})
    by_key = {(row["day"], row["model"]): row for row in rows}
    columns: dict[str, list[float | None]] = {}
    heads: dict[str, str] = {}
    panels: list[Panel] = []
    for part, (raw, level, digits, unit, figure) in _FIGURES.items():
        lines = []
        for (kind, color), model in zip(LOOKS, shown, strict=False):
            column = f"{part}{model}"
            columns[column] = [figure(by_key.get((day, model))) for day in days]
            heads[column] = f"{versions[model]}: {metric_name(raw)}"
            lines.append(Line(column=column, label=versions[model], kind=kind, color=color))
        panels.append(
            Panel(
                title=metric_head(raw),
                lines=lines,
                height=130,
                digits=digits,
                unit=unit,
                level=level,
            )
        )
    # In the middle of its day, so that the axis names that day in the reader's zone too.
    table = Table(x=[day.timestamp() + 43200 for day in days], columns=columns)
    chart = figures(table, heads, x=_("Day"), write=_day)
    title = _("What became of its forecasts")
    return Chart(id=name, title=title, tables=[table], panels=panels, figures=chart)


def _skill(row: Mapping[str, Any] | None) -> float | None:
    return row["error_"] / row["naive"] if row and row["naive"] else None


def _share(name: str) -> Any:
    return lambda row: 100 * row[name] / row["n"] if row else None


#: Part -> (metric, rule, digits, unit, how it is figured).
_FIGURES = {
    "skill": ("mae_skill_h", 1.0, 2, "", _skill),
    "in80-": ("cov80_h", 80.0, 0, "%", _share("in_80")),
    "in90-": ("cov90_h", 90.0, 0, "%", _share("in_90")),
}


def _day(at: float) -> str:
    return f"{dt.datetime.fromtimestamp(at, dt.UTC):%Y-%m-%d}"


def judged_lines(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What people said of a detector's alarms, version by version."""
    lines = []
    for row in rows:
        judged = row["true"] + row["false"]
        name = f"{row['model__family']} v{row['model__version']}"
        share = percent(row["true"] / judged) if judged else ""
        lines.append({**row, "name": name, "share": share})
    return lines
