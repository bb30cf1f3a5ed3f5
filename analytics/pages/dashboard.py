"""What is said of one market, made of what the other modules of this package say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from analytics.models import TrainedModel
from analytics.models.choices import Task
from analytics.notes import notes
from analytics.pages.anomalies import event, watch
from analytics.pages.forecasts import fan
from analytics.pages.metrics import baseline_name
from analytics.pages.models import against_baseline
from analytics.pages.numbers import duration, number, percent
from analytics.pages.patterns import heads
from analytics.selectors.dashboard import Card
from analytics.selectors.models import is_broken
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


def card(found: Card) -> dict[str, Any]:
    """One market."""
    titles = {"price": _("Price forecast"), "spread": _("Spread forecast (%)")}
    fans = [
        fan(forecast, f"{found.market.symbol}: {titles[task]}")
        | {"heading": titles[task], "task": task}
        for task, forecast in (("price", found.price), ("spread", found.spread))
        if forecast is not None
    ]
    last = found.last
    return {
        "market": found.market,
        "freshness": freshness(found.freshness),
        "price": number(float(found.priced.avg_price)) if found.priced else "–",
        "bid": number(float(last.bid)) if last and last.bid is not None else "–",
        "ask": number(float(last.ask)) if last and last.ask is not None else "–",
        "models": [_model_line(task, found) for task in Task.values],
        "fans": fans,
        "events": [event(row) for row in found.events],
        "watch": watch(found.watch) if found.watch else None,
        "pattern": found.pattern,
        "pattern_by": baseline_name(found.pattern.name) if found.pattern else "",
        "pattern_name": word(found.pattern.label) if found.pattern else "",
        "pattern_percent": percent(found.pattern.probability) if found.pattern else "",
        "pattern_notes": notes(found.pattern.notes) if found.pattern else [],
        "heads": heads(found.pattern) if found.pattern else [],
    }


def _model_line(task: str, found: Card) -> dict[str, Any]:
    label, model = Task(task).label, found.models[task]
    if model is None:
        shown = {"price": found.price, "spread": found.spread, "pattern": found.pattern}.get(task)
        name = baseline_name(shown.name) if shown is not None and shown.pk is None else ""
        untrained = _("baseline: %(name)s") % {"name": name} if name else ""
        return {"task": task, "label": label, "model": None, "untrained": untrained}
    serves = model.status == TrainedModel.Status.ACTIVE
    answers, broken = str(model), is_broken(model)
    if not serves:
        answers = _("baseline: %(name)s") % {"name": baseline_name(model.baseline)}
    if broken:
        answers = _("%(name)s cannot be read; another one answers, or none") % {"name": model}
    return {
        "task": task,
        "label": label,
        "model": model,
        "mark": against_baseline(model),
        "answers": answers,
        "broken": broken,
    }
