"""Forecasts in words and pictures: the fan of one, and how good the stored ones turned out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.models import Forecast
from analytics.models.choices import Source, Task
from analytics.moments import moment
from analytics.notes import notes
from analytics.pages.charts import Chart, Figures, Line, Panel, Table, figures
from analytics.pages.fans import fan_chart, fan_table
from analytics.pages.metrics import baseline_name, metric_head, metric_value
from analytics.pages.numbers import duration, number
from analytics.selectors.dashboard import forecast_is_stale

REASONS = {
    "coverage_80_low": gettext_lazy("its interval holds too rarely (80 %)"),
    "coverage_80_high": gettext_lazy("its interval is too wide (80 %)"),
    "coverage_90_low": gettext_lazy("its interval holds too rarely (90 %)"),
    "coverage_90_high": gettext_lazy("its interval is too wide (90 %)"),
    "worse_than_last_value": gettext_lazy("it is worse than the last value"),
    "worse_than_trained": gettext_lazy("it is worse than when it was trained"),
}

#: What is told of scored forecasts: key of the service's rows -> raw name of the metric.
ACCURACY = {
    "n": "n",
    "skill": "mae_skill_h",
    "coverage_80": "cov80_h",
    "coverage_90": "cov90_h",
}


def fan(forecast: Forecast, title: str) -> dict[str, Any]:
    """A forecast as a chart and as the table that says the same in figures."""
    stale = forecast_is_stale(forecast)
    rows = []
    for horizon in forecast.horizons:
        quantiles = horizon.get("quantiles") or {}
        rows.append(
            {
                "ahead": duration(60 * horizon["minutes"]),
                "at": dt.datetime.fromisoformat(horizon["at"]),
                "value": number(horizon["value"]),
                "low": number(quantiles.get("0.05")),
                "high": number(quantiles.get("0.95")),
            }
        )
    chart = fan_chart(
        f"fan-{forecast.pk or f'{forecast.market_id}-{forecast.task}'}",
        fan_table(forecast.as_of, forecast.last_value, forecast.horizons),
        title=title,
        summary=_in_words(rows, number(forecast.last_value)),
        figures=_figures(rows),
    )
    return {
        "row": forecast,
        "by": baseline_name(forecast.name),
        "chart": chart,
        "title": title,
        "stale": stale,
        # Green is a network's answer about now, with nothing to be said against it.
        "mark": "good" if forecast.source == Source.NETWORK and not stale else "quiet",
        "notes": notes(forecast.notes),
    }


def _figures(rows: list[dict[str, Any]]) -> Figures:
    heads = [_("Ahead"), _("At"), _("Value"), "5 %", "95 %"]
    lines = [[r["ahead"], moment(r["at"]), r["value"], r["low"], r["high"]] for r in rows]
    return Figures(heads, lines)


def _in_words(rows: list[dict[str, Any]], last: str) -> str:
    """What a fan chart shows, for those who do not see it."""
    said = _("Last value %(last)s.") % {"last": last}
    text = _("%(ahead)s ahead: %(value)s, with 90 %% probability between %(low)s and %(high)s.")
    return " ".join([said, *(text % row for row in rows)])


def accuracy_lines(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The rolling figures of a market and what they say; None where nothing was scored."""
    if not found["horizons"]:
        return None
    return {
        "days": found["days"],
        "heads": [metric_head(name) for name in ACCURACY.values()],
        "lines": [_line(row) for row in found["horizons"]],
        "drift": [drift_words(verdict) for verdict in found["drift"]],
    }


def accuracy_chart(
    name: str, days: Sequence[tuple[dt.datetime, Mapping[str, Any]]]
) -> Chart | None:
    """Day by day what became of the forecasts: their error over the last value's, and how often
    90 % held. None where fewer than two days were scored."""
    if len(days) < 2:
        return None
    skill = [row["error_"] / row["naive"] if row["naive"] else None for _day, row in days]
    share = [100 * row["inside"] / row["n"] for _day, row in days]
    # In the middle of its day, so that the axis names that day in the reader's zone too.
    noons = [day.timestamp() + 43200 for day, _row in days]
    table = Table(x=noons, columns={"skill": skill, "in": share})
    heads = {"skill": metric_head(ACCURACY["skill"]), "in": metric_head(ACCURACY["coverage_90"])}
    panels = [
        Panel(title=heads["skill"], lines=[Line(column="skill")], height=120, level=1),
        Panel(
            title=heads["in"],
            lines=[Line(column="in")],
            height=120,
            digits=0,
            unit="%",
            level=90,
        ),
    ]
    return Chart(
        id=name,
        title=_("Accuracy day by day"),
        tables=[table],
        panels=panels,
        figures=figures(table, heads, x=_("Day"), write=_day),
    )


def _day(at: float) -> str:
    return f"{timezone.localtime(dt.datetime.fromtimestamp(at, dt.UTC)):%Y-%m-%d}"


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "task": Task(row["task"]).label,
        "source": "" if row["source"] == Source.NETWORK else Source(row["source"]).label,
        "ahead": duration(60 * row["minutes"]),
        "figures": [metric_value(name, row[key]) for key, name in ACCURACY.items()],
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
