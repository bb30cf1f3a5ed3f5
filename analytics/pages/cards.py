"""A model card in words: the facts of services.registry.cards as sections, and those as Markdown.
The HTML page and the Markdown are two views of the same sections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.models import TrainedModel
from analytics.models.choices import Task
from analytics.moments import moment
from analytics.pages.audit import audit_lines, audit_rows, finding_text
from analytics.pages.forecasts import ACCURACY
from analytics.pages.learning import drift_reasons
from analytics.pages.metrics import (
    baseline_name,
    metric_head,
    metric_lines,
    metric_name,
    metric_table,
    metric_value,
)
from analytics.pages.models import comparison_horizons, comparison_rows
from analytics.pages.numbers import count, duration, number, percent, written
from analytics.pages.review.parameters import parameter_name, parameter_value
from analytics.pages.runs import other_markets
from analytics.words import word

Row = tuple[str, str]
LIMITS = {
    "expired": gettext_lazy("It is expired: older than it should be, or without the last quotes."),
    "drifted": gettext_lazy("It drifted: %(reasons)s."),
    "below_baseline": gettext_lazy("It does not beat %(baseline)s, which answers in its place."),
    "no_gain": gettext_lazy(
        "At horizon %(horizon)s its error was not below the last value's (%(skill)s times it)."
    ),
    "coverage": gettext_lazy(
        "At horizon %(horizon)s its %(level)s %% interval covered %(share)s on the test stretch."
    ),
    "data": gettext_lazy("The quotes that it learned from: %(text)s."),
    "short_test": gettext_lazy("It was measured on %(days)s days only."),
    "needs": gettext_lazy("It answers from %(window)s grid rows with these columns: %(columns)s."),
    "one_market": gettext_lazy(
        "The figures are of this market and of %(days)s days; elsewhere and later they may be "
        "others."
    ),
}


@dataclass(frozen=True)
class Section:
    """Labels with texts, then a table, then sentences; any of them may be empty."""

    title: str
    rows: list[Row] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    table: list[list[str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def title(card: Mapping[str, Any]) -> str:
    """Market, task and version in one line."""
    task = Task(card["task"]).label
    return f"{card['market']}: {task}, {card['family']} v{card['version']}"


def sections(card: Mapping[str, Any]) -> list[Section]:
    """The card part by part; parts without content are left out."""
    made = [
        _about(card),
        _figures(card["figures"]),
        _calibration(card["calibration"]),
        _comparison(card),
        _live(card["live"]),
        _data(card["data"]),
        _training(card),
        Section(_("Limits"), lines=_limits(card)),
    ]
    return [section for section in made if section.rows or section.table or section.lines]


def _about(card: Mapping[str, Any]) -> Section:
    features = card["features"]
    rows = [
        (_("Market"), card["market"]),
        (_("Task"), str(Task(card["task"]).label)),
        (_("Version"), f"{card['family']} v{card['version']} (#{card['id']})"),
        (_("Status"), str(TrainedModel.Status(card["status"]).label)),
        (_("Trained at"), moment(card["trained_at"])),
        (_("Input columns"), ", ".join(map(word, features["input_columns"]))),
        (
            _("Window"),
            _("%(n)s rows of %(step)s minutes")
            % {"n": features["window"], "step": card["data"]["step_minutes"]},
        ),
    ]
    return Section(_("The version"), rows)


def _figures(figures: Mapping[str, Any]) -> Section:
    primary = figures["primary_metric"]
    better = _("better") if figures["beats_baseline"] else _("not better")
    score, base = (metric_value(primary, figures[k]) for k in ("score", "baseline_score"))
    rows = [(_("Decides"), f"{metric_name(primary)}: {score} / {base} ({better})")]
    table = [
        [
            metric_head(row["name"]),
            metric_value(row["name"], row["model"]),
            metric_value(row["name"], row["baseline"]),
        ]
        for row in figures["metrics"]
    ]
    heads = [_("Metric"), _("Model"), baseline_name(figures["baseline"])]
    lines = metric_lines(row["name"] for row in figures["metrics"])
    return Section(_("Measured on the untouched last stretch"), rows, heads, table, lines)


def _calibration(rows: list[dict[str, Any]]) -> Section:
    columns = {key: name for key, name in ACCURACY.items() if key != "skill"}
    return Section(_("Calibration"), [], *metric_table(rows, columns))


def _comparison(card: Mapping[str, Any]) -> Section:
    title = _("Against the active version")
    found = card["comparison"]
    if found is None:
        return Section(title)
    rows = comparison_rows(found, f"{card['family']} v{card['version']}")
    horizons = comparison_horizons(found)
    return Section(title, rows, horizons["heads"], horizons["lines"])


def _live(rows: list[dict[str, Any]]) -> Section:
    return Section(_("What became of its forecasts"), [], *metric_table(rows, ACCURACY))


def _data(data: Mapping[str, Any]) -> Section:
    rows = [
        (_("Quotes"), count(data["rows"])),
        (_("From"), moment(data["from"])),
        (_("Learned until"), moment(data["trained_until"])),
        (_("Tested from"), moment(data["test_from"])),
        (_("Until"), moment(data["until"])),
        (_("Dataset hash"), data["dataset_hash"] or "–"),
        *other_markets(data["others"]),
    ]
    audit = data["audit"]
    if audit is None:
        return Section(_("Data"), rows)
    return Section(_("Data"), rows + audit_rows(audit), lines=audit_lines(audit))


def _training(card: Mapping[str, Any]) -> Section:
    found = card["training"]
    config = "; ".join(
        f"{parameter_name(name)}: {parameter_value(value)}"
        for name, value in sorted(found["config"].items())
    )
    versions = ", ".join(f"{name} {value}" for name, value in sorted(found["versions"].items()))
    rows = [
        (_("Run"), f"#{found['run_id']}"),
        (_("Took"), duration(found["seconds"])),
        (_("Device"), found["device"]),
        (_("Configuration"), config or "–"),
        (_("Library versions"), versions or "–"),
        (_("Checksum"), found["checksum"]),
    ]
    return Section(_("Training"), rows)


def _limits(card: Mapping[str, Any]) -> list[str]:
    return [_limit(found, card["data"]["audit"]) for found in card["limits"]]


def _limit(found: Mapping[str, Any], audit: Mapping[str, Any] | None) -> str:
    shown = dict(found)
    if found["code"] == "data" and audit:
        shown["text"] = finding_text(audit, {**found, "code": found["finding"]})
    if "skill" in shown:
        shown["skill"] = number(shown["skill"])
    if "share" in shown:
        shown["share"] = percent(shown["share"])
    if "reasons" in shown:
        shown["reasons"] = drift_reasons(shown["reasons"])
    if "days" in shown:
        shown["days"] = written(f"{shown['days']:g}")
    if "columns" in shown:
        shown["columns"] = ", ".join(map(word, shown["columns"]))
    return str(LIMITS[found["code"]]) % shown


def markdown(card: Mapping[str, Any]) -> str:
    """The card as one Markdown document."""
    parts = [f"# {title(card)}"]
    for section in sections(card):
        parts.append(f"## {section.title}")
        if section.rows:
            parts.append("\n".join(f"- **{label}**: {text}" for label, text in section.rows))
        if section.table:
            lines = [section.heads, ["---"] * len(section.heads), *section.table]
            parts.append("\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines))
        if section.lines:
            parts.append("\n".join(f"- {line}" for line in section.lines))
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
