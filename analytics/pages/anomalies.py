"""Strange rows and their events in words."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.models import AnomalyEvent, AnomalyResult
from analytics.pages.charts import Mark
from analytics.pages.numbers import duration, number, percent, written
from analytics.selectors.prices import staleness
from analytics.selectors.watches import WatchState
from analytics.words import feature, sentence, watch_reason, watch_word, word

#: Colour of a severity, as a CSS variable.
COLORS = {"low": "soft", "medium": "warn", "high": "bad", "critical": "bad"}


def event(row: AnomalyEvent) -> dict[str, Any]:
    """An event in a list or in the banner."""
    limit = staleness(row.model.step_minutes)
    return {
        "row": row,
        # No quote came for so long that nobody knows whether it still goes on.
        "unknown": row.is_open and timezone.now() - row.end > 2 * limit,
        "kind": word(row.kind),
        "text": sentence(row.phrases, row.text),
        "score": written(f"{row.score:.2f}"),
        "lasted": duration((row.end - row.start).total_seconds()) if row.rows > 1 else "",
        "judged": row.get_feedback_display() if row.feedback else "",
    }


def mark(row: AnomalyEvent) -> Mark:
    """An event as a mark in a chart, with the way to its page."""
    return Mark(
        start=row.start.timestamp(),
        end=row.end.timestamp(),
        label=f"{row.get_severity_display()} · {word(row.kind)}: {sentence(row.phrases, row.text)}",
        color=COLORS.get(row.severity, "warn"),
        href=reverse("analytics:anomaly", args=[row.pk]),
    )


def watch(found: WatchState) -> dict[str, Any]:
    """How the live watch of a market stands: green only where every new quote is scored by the
    version that is meant to."""
    row = found.watch
    missing = ""
    if row is not None and row.needed is not None:
        missing = _("%(present)s of %(needed)s readings") % {
            "present": row.present,
            "needed": row.needed,
        }
    return {
        "mark": "good" if found.good else "quiet" if found.state == "baseline" else "bad",
        "word": watch_word(found.state),
        "why": missing or watch_reason(found.state, found.detail),
        "since": None if found.good else found.since,
        "until": row.scored_until if row else None,
        "score": number(row.last_score) if row else "–",
    }


def expected_rows(anomaly: AnomalyEvent | AnomalyResult) -> list[dict[str, str]]:
    """Observed against expected per feature, the largest contribution first."""
    shares = anomaly.contributions
    known = dict.fromkeys([*anomaly.expected, *shares])
    names = sorted(known, key=lambda name: -(shares.get(name) or 0))
    rows = []
    for name in names:
        values = anomaly.expected.get(name) or {}
        figures = {k: number(values.get(k)) for k in ("observed", "value", "lower", "upper")}
        rows.append({"name": feature(name), **figures, "share": percent(shares.get(name))})
    return rows
