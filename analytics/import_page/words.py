"""Imports, put into words: what a file would become, how far a run is, what it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from analytics.exceptions import AnalyticsError, InvalidInput
from analytics.import_page.naming import chosen_columns, refusal
from analytics.lazily import pd
from analytics.models import ImportRun
from analytics.pages.numbers import duration
from analytics.pages.runs import import_report
from analytics.services.prices.previewing import ImportPreview
from analytics.words import stage, word, written

_STATES = {"succeeded": "good", "failed": "bad", "cancelled": "quiet"}


def stopped(error: AnalyticsError) -> ImportPreview:
    """The page of a file whose options cannot be used at all."""
    return ImportPreview(stop=InvalidInput(error.message, error.code, error.fields))


def preview(found: ImportPreview) -> dict[str, Any]:
    """Stop and choices, decisions that nothing chooses otherwise, first rows, counts."""
    return {
        "stop": _stop(found.stop),
        "decisions": [decision(vars(one)) for one in found.decisions if not one.option],
        "table": _table(found.rows),
        "rejects": found.rejects,
        "summary": [refusal(line) for line in found.summary],
        "enough": found.enough,
        "count": found.count,
        "new_markets": found.new_markets,
    }


def decision(one: Mapping[str, Any]) -> str:
    """A decision in a line, as `Decision` has it, its columns by their names."""
    chosen = chosen_columns(one["chosen"])
    return f"{one['what']}: {chosen} ({one['why']})" if one["why"] else chosen


def _stop(stop: InvalidInput | None) -> dict[str, Any] | None:
    """The message without the options of the command line, and a button for each reading."""
    if stop is None:
        return None
    option, choices = stop.details.get("option"), stop.details.get("choices") or ()
    message = stop.message
    if choices:
        message = message.split(f" --{str(option).replace('_', '-')} ")[0]
    said = [] if option else [why for why in stop.fields.values() if str(why) not in message]
    return {
        "message": " ".join([message, *(f"({why})" for why in said)]),
        "choices": [
            {
                "value": f"{option}={one['value']}",
                "name": chosen_columns(one["value"]),
                "shown": one["shown"],
            }
            for one in choices
        ],
    }


def _table(rows: pd.DataFrame) -> dict[str, Any] | None:
    if rows.empty:
        return None
    shown = rows.dropna(axis="columns", how="all")
    heads = {"symbol": _("market"), "timestamp": _("time (UTC)")}
    return {
        "heads": [heads.get(name) or word(name) for name in shown.columns],
        "lines": [[_cell(value) for value in row] for row in shown.itertuples(index=False)],
    }


def _cell(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        text = value.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0")
        return text.rstrip(".")
    if isinstance(value, str):
        return value
    return "–" if value != value else written(repr(float(value)))


def line(run: ImportRun) -> dict[str, Any]:
    """A run in a list or on its own page; `percent` is None while the length is unknown."""
    state = run.get_status_display()
    if run.is_open and run.cancel_requested:
        state = _("cancelling")
    return {
        "row": run,
        "state": state,
        "mark": _STATES.get(run.status, ""),
        "stage": stage(run.stage),
        "percent": round(100 * run.progress) if run.progress else None,
        "took": duration(run.seconds) if run.seconds is not None else "",
    }


def report(run: ImportRun) -> dict[str, Any] | None:
    """What a run did, once it is over."""
    if not run.report:
        return None
    found = import_report(run.report)
    counts = [
        (_("rows read"), found["read"]),
        (_("new"), found["new"]),
        (_("updated"), found["updated"]),
        (_("unchanged"), found["unchanged"]),
        (_("merged with another row of the same moment"), found["merged"]),
        (_("rejected"), found["rejected"]),
        (_("of other markets, left out"), found["left_out"]),
    ]
    return {
        "counts": [(label, count) for label, count in counts if count or label == counts[0][0]],
        "reasons": [refusal(line) for line in found["reasons"]],
        "decisions": [decision(one) for one in found["decisions"]],
        "markets": found["markets"],
        "created": found["created"],
        "rejects": found["rejects_path"],
    }
