"""The inbox of anomalies in words: its lines, its filters, what was done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from analytics.models import AnomalyEvent, Market, Severity
from analytics.pages.anomalies import event
from analytics.selectors.anomalies import EventQuery
from analytics.words import word

STATES = {
    "new": pgettext_lazy("anomaly", "new"),
    "open": gettext_lazy("going on"),
    "seen": gettext_lazy("acknowledged"),
    "true": gettext_lazy("true alarms"),
    "false": gettext_lazy("false alarms"),
    "all": gettext_lazy("all"),
}
#: State of an event in words -> how it is marked.
MARKS = {"true": "bad", "false": "quiet", "": "quiet"}
Choice = tuple[str, str]


def line(row: AnomalyEvent) -> dict[str, Any]:
    """An event of the list; `row` is annotated with `unseen`."""
    return {**event(row), "new": row.unseen and not row.feedback}


def state(row: AnomalyEvent, seen: tuple[dt.datetime, str | None] | None) -> dict[str, Any]:
    """What people have said of it so far: a word, who, when, the note."""
    if row.feedback:
        by = row.feedback_by.username if row.feedback_by else ""
        mark, text, at = MARKS[row.feedback], row.get_feedback_display(), row.feedback_at
        return {"mark": mark, "word": text, "by": by, "at": at, "note": row.note}
    if seen is not None:
        return {"mark": "quiet", "word": _("acknowledged"), "by": seen[1] or "", "at": seen[0]}
    return {"mark": "none", "word": _("nobody has looked at it yet")}


def controls(
    query: EventQuery, given: Mapping[str, Any], markets: Iterable[Market], kinds: Iterable[str]
) -> list[dict[str, Any]]:
    """The filters as controls: name, label, value, choices (none: a day)."""
    every = ("", _("all"))
    return [
        _control("state", _("State"), query.state, [(k, str(v)) for k, v in STATES.items()]),
        _control(
            "market",
            _("Market"),
            str(query.market or ""),
            [every, *((str(market.pk), market.symbol) for market in markets)],
        ),
        _control("kind", _("Kind"), query.kind, [every, *((kind, word(kind)) for kind in kinds)]),
        _control(
            "severity",
            _("Severity"),
            query.severity,
            [every, *((name, str(Severity(name).label)) for name in Severity.values)],
        ),
        _control("from", _("From"), given.get("from", "")[:10]),
        _control("to", _("Until"), given.get("to", "")[:10]),
        _control(
            "everything",
            _("Also"),
            "1" if query.everything else "",
            [("", _("alarms only")), ("1", _("milder ones and those of earlier versions"))],
        ),
    ]


def _control(
    name: str, label: str, value: str, choices: list[Choice] | None = None
) -> dict[str, Any]:
    return {"name": name, "label": label, "value": value, "choices": choices}


def said(row: AnomalyEvent) -> str:
    """What has just been said of it."""
    if not row.feedback:
        return _("Taken back: it is not judged any more.")
    return _("Noted: %(word)s.") % {"word": row.get_feedback_display()}


def settled(done: int, left: int) -> str:
    """What became of those that were chosen."""
    texts = [ngettext("%(n)d event was noted.", "%(n)d events were noted.", done) % {"n": done}]
    if left:
        text = ngettext(
            "%(n)d was judged before and stays as it is.",
            "%(n)d were judged before and stay as they are.",
            left,
        )
        texts.append(text % {"n": left})
    return " ".join(texts)
