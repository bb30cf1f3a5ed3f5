"""What people say of events, and how the next training gets to know it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics.exceptions import InvalidInput, NotFound
from analytics.models import AnomalyEvent, AnomalyResult, Market
from analytics.selectors.anomalies import event_list

LONGEST_NOTE = 1000


def event_get(event_id: int) -> AnomalyEvent:
    event = event_list().filter(pk=event_id).first()
    if event is None:
        raise NotFound(_("There is no anomaly event %(id)s.") % {"id": event_id}, "unknown_event")
    return event


def event_judge(
    *, event: AnomalyEvent, feedback: str, note: str = "", by: Any = None
) -> AnomalyEvent:
    """Say that an event was a true or a false alarm; "" takes back what was said, note included.
    Seen by somebody are then also its rows. Raises InvalidInput (bad_feedback)."""
    problems = {}
    if feedback not in AnomalyEvent.Feedback.values:
        problems["feedback"] = _("must be one of: true, false, or empty")
    if len(note) > LONGEST_NOTE:
        problems["note"] = _("at most %(n)s characters") % {"n": LONGEST_NOTE}
    if note and not feedback:
        problems["note"] = _("says nothing without true or false")
    if problems:
        raise InvalidInput(_("Feedback is true, false or empty."), "bad_feedback", problems)
    now = timezone.now()
    with transaction.atomic():
        # An update of its own columns: a scan that lets the event grow meanwhile loses nothing.
        AnomalyEvent.objects.filter(pk=event.pk).update(
            feedback=feedback,
            note=note,
            feedback_at=now if feedback else None,
            feedback_by=by if feedback else None,
            updated_at=now,
        )
        if feedback:
            unseen = AnomalyResult.objects.filter(event=event.pk, acknowledged_at=None)
            unseen.update(acknowledged_at=now, acknowledged_by=by)
    return event_get(event.pk)


def anomaly_acknowledge(*, anomaly: AnomalyResult, by: Any = None) -> AnomalyResult:
    """Note that somebody has seen it; the first one to do so stays named."""
    unseen = AnomalyResult.objects.filter(pk=anomaly.pk, acknowledged_at=None)
    unseen.update(acknowledged_at=timezone.now(), acknowledged_by=by)
    anomaly.refresh_from_db()
    return anomaly


def anomaly_label(*, anomaly: AnomalyResult, label: str, by: Any = None) -> AnomalyResult:
    """Say it of the event that the row belongs to; also acknowledges the row."""
    if label not in AnomalyEvent.Feedback.values:
        raise InvalidInput(
            _("A label is true, false or empty."),
            "bad_label",
            {"label": _("must be one of: true, false, or empty")},
        )
    event_judge(event=anomaly.event, feedback=label, by=by)
    return anomaly_acknowledge(anomaly=anomaly, by=by)


def labels_of(*, market: Market, until: dt.datetime) -> tuple[ml.LabelledSpan, ...]:
    """What people said of the market's events that were over by `until`, oldest first, for a
    training on the quotes up to then. Several versions may have seen one event: where judgements
    of overlapping spans contradict each other, the last one counts."""
    judged = AnomalyEvent.objects.filter(market=market, end__lte=until).exclude(feedback="")
    kept: list[ml.LabelledSpan] = []
    for event in judged.order_by("-feedback_at", "-pk"):
        span = ml.LabelledSpan(
            start=event.start, end=event.end, true=event.feedback == AnomalyEvent.Feedback.TRUE
        )
        if span not in kept and not any(_contradicts(span, other) for other in kept):
            kept.append(span)
    return tuple(sorted(kept, key=lambda span: (span.start, span.end)))


def _contradicts(one: ml.LabelledSpan, other: ml.LabelledSpan) -> bool:
    return one.true != other.true and one.start <= other.end and other.start <= one.end
