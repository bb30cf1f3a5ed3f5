"""Runs side by side: what differs, how each did, and their losses in one chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from analytics.models import TrainedModel, TrainingRun
from analytics.moments import moment
from analytics.pages.charts import Chart, Line, Panel, Table, digits, figures
from analytics.pages.metrics import HIGHER, LOWER, metric, metric_head, metric_hint, metric_value
from analytics.pages.numbers import count, duration, is_finite
from analytics.pages.review.parameters import parameter_name, parameter_value
from analytics.words import stage

#: Colour of a run; its networks differ by the kind of line.
COLORS = ("line", "warn", "good", "bad", "soft", "ask")
KINDS = ("line", "dash", "dots")
Row = dict[str, Any]


def compared(runs: Sequence[TrainingRun]) -> dict[str, Any]:
    """All that the page of a comparison shows; a cell is {text, differs, best}."""
    models = [getattr(run, "model", None) for run in runs]
    return {
        "heads": [_head(run, model) for run, model in zip(runs, models, strict=True)],
        "facts": [_row(name, [read(run) for run in runs]) for name, read in _facts().items()],
        "parameters": compared_parameters(runs),
        "metrics": _metrics(models, contest=_one_stretch(models)),
        "one_stretch": _one_stretch(models),
        "chart": loss_overlay("losses", runs),
    }


def _head(run: TrainingRun, model: TrainedModel | None) -> Row:
    label = f"#{run.pk} {model or run.family}"
    return {"run": run, "model": model, "label": label, "state": run.get_status_display()}


def _facts() -> dict[str, Callable[[TrainingRun], str]]:
    return {
        _("Market"): lambda run: run.market.symbol,
        _("Family"): lambda run: run.family,
        _("Learned from"): lambda run: moment(run.data_from) if run.data_from else "",
        _("Nothing later than"): lambda run: moment(run.data_until),
        _("Quotes"): lambda run: count(run.row_count),
        _("Device"): lambda run: run.device,
        _("Took"): lambda run: duration(run.seconds) if run.seconds is not None else "",
    }


def _row(name: str, texts: Sequence[str], **more: Any) -> Row:
    return {"name": name, "cells": texts, "differs": len(set(texts)) > 1, **more}


def compared_parameters(runs: Sequence[TrainingRun]) -> list[Row]:
    """What differs comes first."""
    names = dict.fromkeys(name for run in runs for name in run.config)
    rows = [
        _row(
            parameter_name(name), [parameter_value(run.config.get(name)) for run in runs], raw=name
        )
        for name in names
    ]
    return sorted(rows, key=lambda row: not row["differs"])


def _metrics(models: Sequence[TrainedModel | None], *, contest: bool) -> list[Row]:
    """Every metric that a version has, the one that decides first, with the way that is better. In
    a contest (all on the same quotes) `best` marks the best ones."""
    known = [model for model in models if model is not None]
    names = dict.fromkeys(name for model in known for name in model.metric_names())
    rows = []
    for name in names:
        values = [model.metrics.get(name) if model else None for model in models]
        row = _row(
            metric_head(name), [metric_value(name, v) if v is not None else "" for v in values]
        )
        best = _best(name, values) if contest else [False] * len(values)
        more = {"hint": metric_hint(name), "better": str(metric(name).better), "best": best}
        rows.append(row | more)
    return rows


def _best(name: str, values: Sequence[float | None]) -> list[bool]:
    """Which are the best; none where no way is better, or all are alike."""
    way = {str(LOWER): min, str(HIGHER): max}.get(str(metric(name).better))
    known = [value for value in values if is_finite(value)]
    if way is None or len(set(known)) < 2:
        return [False] * len(values)
    return [value == way(known) for value in values]


def _one_stretch(models: Sequence[TrainedModel | None]) -> bool:
    """Whether all were measured on the same quotes."""
    stretches = {(m.market_id, m.test_from, m.data_until) for m in models if m is not None}
    return len(stretches) == 1


def loss_overlay(name: str, runs: Sequence[TrainingRun]) -> Chart | None:
    """Loss on the validation stretch by epoch, a line for every network of every run, from its own
    first epoch on. None where nothing is known."""
    columns: dict[str, dict[int, float]] = {}
    lines: list[Line] = []
    for place, run in enumerate(runs):
        for member, (label, losses) in enumerate(_curves(run).items()):
            column = f"r{run.pk}-{member}"
            columns[column] = losses
            text = f"#{run.pk} {label}"
            kind = KINDS[member % len(KINDS)]
            lines.append(Line(column=column, label=text, color=COLORS[place], kind=kind))
    epochs = sorted({epoch for losses in columns.values() for epoch in losses})
    if not epochs:
        return None
    table = Table(
        x=[float(epoch) for epoch in epochs],
        columns={key: [losses.get(at) for at in epochs] for key, losses in columns.items()},
    )
    values = [value for losses in columns.values() for value in losses.values()]
    panel = Panel(title=_("Validation loss"), lines=lines, digits=digits(values), height=260)
    heads = {line.column: line.label for line in lines}
    return Chart(
        id=name,
        title=_("Losses side by side"),
        tables=[table],
        panels=[panel],
        time=False,
        extent=(0.5, epochs[-1] + 0.5),
        figures=figures(table, heads, x=_("Epoch"), write=lambda at: f"{at:.0f}"),
    )


def _curves(run: TrainingRun) -> dict[str, dict[int, float]]:
    """Name of the network -> epoch -> loss. Runs store [stage, training, validation, epoch]; of
    earlier ones, which have no epoch, the rows are counted."""
    curves: dict[str, dict[int, float]] = {}
    rows: dict[str, int] = {}
    for row in run.losses:
        name, _train, valid, epoch = [*row, None, None, None][:4]
        label = stage(str(name))
        rows[label] = rows.get(label, 0) + 1
        if is_finite(valid):
            curves.setdefault(label, {})[epoch or rows[label]] = valid
    return curves
