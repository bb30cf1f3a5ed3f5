"""What a backtest found, as tables of plain words; and its report, a page that needs nothing beside
it, in the language that is active."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.models.choices import Task
from analytics.moments import moment
from analytics.pages.metrics import metric_lines, metric_table, metric_value
from analytics.pages.numbers import duration

#: A backtest's figures -> raw name of the metric: in short, and all of them.
_SHORT = {
    **{"n": "n", "mae": "mae_h", "skill": "mae_skill_h", "crps": "crps_h"},
    **{"crps_skill": "crps_skill_h", "cov80": "cov80_h", "cov90": "cov90_h"},
}
_ALL = {
    **{"n": "n", "mae": "mae_h", "skill": "mae_skill_h", "skill_seasonal": "mae_seasonal_h"},
    **{"crps": "crps_h", "crps_skill": "crps_skill_h", "crps_skill_seasonal": "crps_seasonal_h"},
    **{"cov80": "cov80_h", "cov90": "cov90_h", "width80": "width80_h"},
}
#: Which targets the figures stand on.
_SETS = {
    "clean": gettext_lazy("Clean targets"),
    "all": gettext_lazy("All targets"),
    "fresh": gettext_lazy("Clean and newly quoted"),
}
Figures = Sequence[Mapping[str, Any]]


def backtest_table(figures: Figures) -> tuple[list[str], list[list[str]]]:
    """(heads, lines) of a backtest's figures on clean targets, a line per horizon; in brackets the
    95 % interval of the average error."""
    return _table(figures, "clean", _SHORT, ("skill",), gap=" ")


def _table(
    figures: Figures,
    name: str,
    columns: Mapping[str, str],
    bracketed: Sequence[str],
    gap: str = "\n",
) -> tuple[list[str], list[list[str]]]:
    rows = [line for line in figures if line["set"] == name]
    heads, lines = metric_table(rows, columns, steps="h")
    for key in bracketed:
        place = 1 + list(columns).index(key)
        for line, row in zip(lines, rows, strict=True):
            if row.get(f"{key}_ci95"):
                low, high = (metric_value(columns[key], end) for end in row[f"{key}_ci95"])
                line[place] += f"{gap}({low} – {high})"
    return heads, lines


def report_page(
    market: str,
    plan: Mapping[str, Any],
    figures: Figures,
    charts: str,
    others: Sequence[str] | None = None,
) -> SafeString:
    """The whole HTML. `charts` are ours: what ml drew; `others` are markets that were learned from
    beside the own one, None where the family learns from that alone."""
    bracketed = ("skill", "crps_skill", "cov80", "cov90")
    context = {
        "title": _("Backtest of %(market)s: %(task)s")
        % {"market": market, "task": Task(plan["task"]).label},
        "plan": _plan(plan),
        "others": None if others is None else markets_learned_from(others),
        "tables": [
            {"caption": caption, "table": _table(figures, name, _ALL, bracketed)}
            for name, caption in _SETS.items()
        ],
        "meanings": metric_lines(_ALL.values()),
        "charts": mark_safe(charts),  # noqa: S308 -- made by ml, words escaped there
    }
    return render_to_string("analytics/backtest_report.html", context)


def markets_learned_from(others: Sequence[str]) -> str:
    """A sentence for a family that learns from several markets."""
    if not others:
        return _("It learned from no other market.")
    return _("It learned from these markets too: %(names)s.") % {"names": ", ".join(others)}


def _plan(plan: Mapping[str, Any]) -> str:
    start, end = (dt.datetime.fromisoformat(plan[name]) for name in ("start", "end"))
    every = plan["refit_seconds"]
    days = round((every or 0) / 86400)
    fitted = (
        ngettext("fitted every day", "fitted every %(n)d days", days) % {"n": days}
        if every
        else _("fitted once")
    )
    return _(
        "Forecasts and their targets from %(start)s to %(end)s, one every %(pace)s; %(fitted)s, "
        "on what came before."
    ) % {
        "start": moment(start),
        "end": moment(end),
        "pace": duration(60.0 * plan["step_minutes"] * plan["origin_step"]),
        "fitted": fitted,
    }
