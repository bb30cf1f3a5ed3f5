"""A data audit in words: measures and findings of `ml.audit_quotes`, for pages and cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.models.choices import Task
from analytics.moments import moment
from analytics.notes import note
from analytics.pages.numbers import count, duration, percent, written
from analytics.words import word

Audit = Mapping[str, Any]
MINUTES = {
    "gap_median": gettext_lazy("Median gap"),
    "gap_longest": gettext_lazy("Longest gap"),
    "stuck_longest": gettext_lazy("Longest standstill"),
}
SHARES = {
    "missing_share": gettext_lazy("Without a fresh price"),
    "fresh_share": gettext_lazy("With a new quote"),
    "one_sided_share": gettext_lazy("One side only"),
    "crossed_share": gettext_lazy("Crossed quotes"),
    "jump_share": gettext_lazy("Jumps"),
    "season_price": gettext_lazy("Season of the price"),
    "season_spread": gettext_lazy("Season of the spread"),
}
LEVELS = {
    "note": gettext_lazy("note"),
    "warning": gettext_lazy("warning"),
    "error": gettext_lazy("error"),
}
FINDINGS = {
    "too_short": gettext_lazy("too little history to train: %(short)s"),
    "gaps": gettext_lazy("%(missing_share)s of the grid has no fresh price"),
    "sparse": gettext_lazy("only %(fresh_share)s of the grid rows have a new quote"),
    "cadence": gettext_lazy(
        "the grid's step is %(step_minutes)s minutes, the quotes suggest %(inferred_step_minutes)s"
    ),
    "crossed": gettext_lazy("%(crossed_share)s of the quotes are crossed (bid above ask)"),
    "one_sided": gettext_lazy("%(one_sided_share)s of the quotes have one side only"),
    "jumps": gettext_lazy("%(jump_share)s of the moves are jumps"),
    "stuck": gettext_lazy("the price stood still for %(stuck_longest)s"),
    "season": gettext_lazy("the hour of the day explains %(season_spread)s of the spread"),
}


def audit_facts(audit: Audit) -> list[tuple[str, str]]:
    """Label and text of what was looked at, for where nothing else says it."""
    return [
        (_("Quotes"), count(audit["rows"])),
        (_("From"), moment(audit["data_from"])),
        (_("Until"), moment(audit["data_until"])),
        (_("Columns"), ", ".join(word(name) for name in audit["columns"])),
        (_("Step"), duration(60 * audit["step_minutes"])),
    ]


def audit_rows(audit: Audit) -> list[tuple[str, str]]:
    """Label and text of the gaps and shares that are known."""
    rows = [(_("Grid rows"), count(audit["grid_rows"]))]
    rows += [(str(label), duration(60 * audit[k])) for k, label in MINUTES.items()]
    known = {k: label for k, label in SHARES.items() if audit.get(k) is not None}
    return rows + [(str(label), written(f"{100 * audit[k]:.1f} %")) for k, label in known.items()]


def audit_lines(audit: Audit) -> list[str]:
    """What was found, the worst first, each with its level."""
    levels = {name: str(label) for name, label in LEVELS.items()}
    return [
        f"{levels.get(found['level'], found['level'])}: {finding_text(audit, found)}"
        for found in audit["findings"]
    ]


def finding_text(audit: Audit, found: Mapping[str, Any]) -> str:
    """A finding in the reader's language; an unknown one in its own words."""
    if found["code"] not in FINDINGS:
        return note(found["text"])
    figures: dict[str, Any] = dict(audit)
    figures |= {k: percent(audit.get(k)) for k in SHARES}
    figures["stuck_longest"] = duration(60 * audit["stuck_longest"])
    short = [task for task, enough in audit["enough"].items() if not enough]
    figures["short"] = ", ".join(str(Task(task).label) for task in short)
    return str(FINDINGS[found["code"]]) % figures
