"""Live accuracy for a page: skill, coverage and drift in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.models.choices import Source, Task
from analytics.pages import charts
from analytics.pages.presenters import duration, percent

REASONS = {
    "coverage_80_low": gettext_lazy("its interval holds too rarely (80 %)"),
    "coverage_80_high": gettext_lazy("its interval is too wide (80 %)"),
    "coverage_90_low": gettext_lazy("its interval holds too rarely (90 %)"),
    "coverage_90_high": gettext_lazy("its interval is too wide (90 %)"),
    "worse_than_last_value": gettext_lazy("it is worse than the last value"),
    "worse_than_trained": gettext_lazy("it is worse than when it was trained"),
}


def accuracy_lines(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The rolling figures of a market and what they say; None where nothing was scored."""
    if not found["horizons"]:
        return None
    return {
        "days": found["days"],
        "lines": [_line(row) for row in found["horizons"]],
        "drift": [drift_words(verdict) for verdict in found["drift"]],
    }


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "task": Task(row["task"]).label,
        "source": "" if row["source"] == Source.NETWORK else Source(row["source"]).label,
        "ahead": duration(60 * row["minutes"]),
        "n": row["n"],
        "skill": charts.number(row["skill"]),
        "coverage_80": percent(row["coverage_80"]),
        "coverage_90": percent(row["coverage_90"]),
    }


def drift_words(verdict: Mapping[str, Any]) -> dict[str, str]:
    """Name, sentence and state of a drift verdict."""
    name = f"{Task(verdict['task']).label} v{verdict['version']}"
    if verdict["drifted"]:
        reasons = "; ".join(str(REASONS.get(code, code)) for code in verdict["reasons"])
        return {"name": name, "state": "bad", "text": _("drifted: %(why)s") % {"why": reasons}}
    if not verdict["enough"]:
        return {"name": name, "state": "quiet", "text": _("too few forecasts to judge")}
    return {"name": name, "state": "good", "text": _("as good as it promised")}
