"""From rows to what a page says: words, signs and charts, so that templates hold no arithmetic.
Shared by the HTML pages and the admin; reads nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.models import (
    AnomalyEvent,
    Forecast,
    PatternResult,
    TrainedModel,
    TrainingRun,
)
from analytics.models.choices import Task
from analytics.pages import charts
from analytics.pages.anomalies import event, span, watch
from analytics.pages.plain import duration, percent
from analytics.selectors.dashboard import EVENTS, Card, forecast_is_stale
from analytics.words import word


def freshness(found: Mapping[str, Any]) -> dict[str, Any]:
    """Last quote, its age in words, and a state that carries a word as well as a colour."""
    if found["last_quote_at"] is None:
        return {"at": None, "age": "–", "state": "none", "word": _("no quotes")}
    return {
        "at": found["last_quote_at"],
        "age": duration(60 * found["age_minutes"]),
        "state": "bad" if found["stale"] else "good",
        "word": _("stale") if found["stale"] else _("fresh"),
    }


def against_baseline(model: TrainedModel) -> dict[str, str]:
    """The clear mark of a version: better or not, with both figures."""
    better = model.beats_baseline
    return {
        "state": "good" if better else "bad",
        "sign": "✓" if better else "✗",
        "word": _("better") if better else _("not better"),
        "metric": model.primary_metric,
        "score": charts.number(model.score),
        "baseline": model.baseline,
        "baseline_score": charts.number(model.baseline_score),
    }


def metric_rows(model: TrainedModel) -> list[dict[str, str]]:
    """Every metric beside the baseline's, the one that decides first."""
    return [
        {
            "name": name,
            "primary": name == model.primary_metric,
            "model": charts.number(model.metrics.get(name)),
            "baseline": charts.number(model.baseline_metrics.get(name)),
        }
        for name in model.metric_names()
    ]


def run(row: TrainingRun) -> dict[str, Any]:
    """A run in progress. `percent` is whole, for a <progress> element."""
    return {
        "row": row,
        "percent": round(100 * row.progress),
        "eta": duration(row.eta_seconds) if row.eta_seconds is not None else "",
        "cancelling": row.cancel_requested and row.is_open,
    }


def worker(status: Mapping[str, Any]) -> dict[str, Any]:
    """The worker as its heartbeats show it; the device is the one that it reported itself."""
    workers = [
        {**row, "age": duration(row["age_seconds"]), "device_rows": device_rows(row["device"])}
        for row in status["workers"]
    ]
    return {
        "alive": status["alive"],
        "workers": workers,
        "queue_length": status["queue_length"],
        "running": len(status["running"]),
    }


def device_rows(device: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text of what is known of a device."""
    if not device:
        return []
    rows = [
        (_("Device"), f"{device.get('type', '?')} ({device.get('name') or '?'})"),
        (_("Threads"), str(device.get("threads") or "–")),
    ]
    if device.get("memory_total"):
        free, total = device.get("memory_free") or 0, device["memory_total"]
        text = _("%(free).1f GB free of %(total).1f GB")
        rows.append((_("GPU memory"), text % {"free": free / 1e9, "total": total / 1e9}))
    else:
        rows.append((_("GPU memory"), _("no GPU")))
    if device.get("optimisations"):
        rows.append((_("Faster inference"), ", ".join(device["optimisations"])))
    return rows


def fan(
    forecast: Forecast, line: Any, title: str, events: Sequence[AnomalyEvent] = ()
) -> dict[str, Any]:
    """A forecast as a chart and as the table that says the same in figures; events are marked."""
    rows = []
    for horizon in forecast.horizons:
        quantiles = horizon.get("quantiles") or {}
        rows.append(
            {
                "ahead": duration(60 * horizon["minutes"]),
                "at": dt.datetime.fromisoformat(horizon["at"]),
                "value": charts.number(horizon["value"]),
                "low": charts.number(quantiles.get("0.05")),
                "high": charts.number(quantiles.get("0.95")),
            }
        )
    # What was quoted after the forecast stays in: beside an old one it shows how right it was.
    ends = max((row["at"] for row in rows), default=forecast.as_of)
    chart = charts.fan_chart(
        [point for point in line if point[0] <= ends],
        forecast.as_of,
        forecast.last_value,
        forecast.horizons,
        title=title,
        desc=_in_words(rows, charts.number(forecast.last_value)),
        spans=[span(row) for row in events],
    )
    stale = forecast_is_stale(forecast)
    return {
        "row": forecast,
        "chart": chart,
        "rows": rows,
        "title": title,
        "stale": stale,
        "marked": "<rect" in chart,
    }


def _in_words(rows: list[dict[str, Any]], last: str) -> str:
    """What a fan chart shows, for those who do not see it."""
    said = _("Last value %(last)s.") % {"last": last}
    text = _("%(ahead)s ahead: %(value)s, with 90 %% probability between %(low)s and %(high)s.")
    return " ".join([said, *(text % row for row in rows)])


def heads(pattern: PatternResult) -> list[dict[str, Any]]:
    """Every aspect with its classes, the most probable first."""
    return [
        {
            "name": word(name),
            "classes": [
                {"name": word(label), "percent": round(100 * share)}
                for label, share in sorted(shares.items(), key=lambda item: -item[1])
            ],
        }
        for name, shares in pattern.heads.items()
    ]


def hidden(total: int, shown: int) -> str:
    """A sentence about the markets that did not fit, or nothing."""
    more = total - shown
    text = ngettext(
        "%(n)d more market is in the admin.", "%(n)d more markets are in the admin.", more
    )
    return text % {"n": more} if more > 0 else ""


def card(found: Card) -> dict[str, Any]:
    """One market of the dashboard."""
    titles = {"price": _("Price forecast"), "spread": _("Spread forecast (%)")}
    fans = [
        fan(forecast, line, f"{found.market.symbol}: {titles[task]}", found.events)
        | {"heading": titles[task], "task": task}
        for task, forecast, line in (
            ("price", found.price, found.prices),
            ("spread", found.spread, found.spreads),
        )
        if forecast is not None
    ]
    last = found.last
    return {
        "market": found.market,
        "freshness": freshness(found.freshness),
        "price": charts.number(found.prices[-1][1]) if found.prices else "–",
        "bid": charts.number(float(last.bid)) if last and last.bid is not None else "–",
        "ask": charts.number(float(last.ask)) if last and last.ask is not None else "–",
        "models": [_model_line(task, found.models[task]) for task in Task.values],
        "fans": fans,
        "events": [event(row) for row in found.events[:EVENTS]],
        "watch": watch(found.watch),
        "pattern": found.pattern,
        "pattern_name": word(found.pattern.label) if found.pattern else "",
        "pattern_percent": percent(found.pattern.probability) if found.pattern else "",
        "heads": heads(found.pattern) if found.pattern else [],
    }


def _model_line(task: str, model: TrainedModel | None) -> dict[str, Any]:
    label = Task(task).label
    if model is None:
        return {"task": task, "label": label, "model": None}
    serves = model.status == TrainedModel.Status.ACTIVE
    return {
        "task": task,
        "label": label,
        "model": model,
        "mark": against_baseline(model),
        "answers": str(model) if serves else _("baseline: %(name)s") % {"name": model.baseline},
    }
