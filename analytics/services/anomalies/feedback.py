"""What people say of events, and how the next training gets to know it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics import events
from analytics.exceptions import InvalidInput, NotFound
from analytics.models import AnomalyEvent, AnomalyResult, Market
from analytics.selectors.anomalies import event_list, fact_of

LONGEST_NOTE = 1000
Feedback = AnomalyEvent.Feedback
#: How people say it.
FEEDBACK_WORDS = {
    "true": Feedback.TRUE,
    "false": Feedback.FALSE,
    "": Feedback.NONE,
    "undo": Feedback.NONE,
}


def parse_feedback(text: str, *, field: str = "feedback") -> AnomalyEvent.Feedback:
    """A true alarm, a false alarm, or nothing. Raises InvalidInput (bad_feedback, bad_label) that
    names the field."""
    if text in FEEDBACK_WORDS:
        return FEEDBACK_WORDS[text]
    message, code = {
        "feedback": (_("Feedback is true, false or empty."), "bad_feedback"),
        "label": (_("A label is true, false or empty."), "bad_label"),
    }[field]
    raise InvalidInput(message, code, {field: _("must be one of: true, false, or empty")})


def event_get(event_id: int) -> AnomalyEvent:
    """The event of that id; raises NotFound (unknown_event)."""
    event = event_list().filter(pk=event_id).first()
    if event is None:
        raise NotFound(_("There is no anomaly event %(id)s.") % {"id": event_id}, "unknown_event")
    return event


def event_judge(
    *, event: AnomalyEvent, feedback: str, note: str = "", by: Any = None
) -> AnomalyEvent:
    """Say that an event was a true or a false alarm; "" takes back what was said, note included.
    Seen by somebody are then also its rows. Raises InvalidInput (bad_feedback)."""
    said = parse_feedback(feedback)
    problem = None
    if len(note) > LONGEST_NOTE:
        problem = _("at most %(n)s characters") % {"n": LONGEST_NOTE}
    if note and not said:
        problem = _("says nothing without true or false")
    if problem is not None:
        message = _("Feedback is true, false or empty.")
        raise InvalidInput(message, "bad_feedback", {"note": problem})
    now = timezone.now()
    with transaction.atomic():
        # An update of its own columns: a scan that lets the event grow meanwhile loses nothing.
        AnomalyEvent.objects.filter(pk=event.pk).update(
            feedback=said,
            note=note,
            feedback_at=now if said else None,
            feedback_by=by if said else None,
            updated_at=now,
        )
        if said:
            unseen = AnomalyResult.objects.filter(event=event.pk, acknowledged_at=None)
            unseen.update(acknowledged_at=now, acknowledged_by=by)
        judged = event_get(event.pk)
        events.publish(events.AnomalyChanged(**fact_of(judged)))
    return judged


def event_acknowledge(*, event: AnomalyEvent, by: Any = None) -> AnomalyEvent:
    """Note that somebody has seen it, whatever it was; rows that were seen before stay named after
    whom they are. A row that it gains later is new again."""
    unseen = AnomalyResult.objects.filter(event=event.pk, acknowledged_at=None)
    unseen.update(acknowledged_at=timezone.now(), acknowledged_by=by)
    return event_get(event.pk)


def events_settle(*, ids: Iterable[int], verdict: str, by: Any = None) -> tuple[int, int]:
    """Many at once: `seen`, `true` or `false`, all or none. What somebody has judged already is
    left alone. Answers how many were settled and how many left; raises InvalidInput
    (bad_feedback)."""
    said = None if verdict == "seen" else parse_feedback(verdict)
    wanted = set(ids)
    with transaction.atomic():
        rows = list(event_list().filter(pk__in=wanted, feedback=Feedback.NONE))
        for event in rows:
            if said is None:
                event_acknowledge(event=event, by=by)
            else:
                event_judge(event=event, feedback=said, by=by)
    return len(rows), len(wanted) - len(rows)


def anomaly_acknowledge(*, anomaly: AnomalyResult, by: Any = None) -> AnomalyResult:
    """Note that somebody has seen it; the first one to do so stays named."""
    unseen = AnomalyResult.objects.filter(pk=anomaly.pk, acknowledged_at=None)
    unseen.update(acknowledged_at=timezone.now(), acknowledged_by=by)
    anomaly.refresh_from_db()
    return anomaly


def anomaly_label(*, anomaly: AnomalyResult, label: str, by: Any = None) -> AnomalyResult:
    """Say it of the event that the row belongs to; also acknowledges the row. Raises InvalidInput
    (bad_label)."""
    event_judge(event=anomaly.event, feedback=parse_feedback(label, field="label"), by=by)
    return anomaly_acknowledge(anomaly=anomaly, by=by)


def labels_of(*, market: Market, until: dt.datetime) -> tuple[ml.LabelledSpan, ...]:
    """What people said of the market's events that were over by `until`, oldest first, for a
    training on the quotes up to then. Several versions may have seen one event: where judgements
    of overlapping spans contradict each other, the last one counts."""
    judged = AnomalyEvent.objects.filter(market=market, end__lte=until).exclude(feedback="")
    kept: list[ml.LabelledSpan] = []
    for event in judged.order_by("-feedback_at", "-pk"):
        span = ml.LabelledSpan(
            start=event.start, end=event.end, true=event.feedback == Feedback.TRUE
        )
        if span not in kept and not any(_contradicts(span, other) for other in kept):
            kept.append(span)
    return tuple(sorted(kept, key=lambda span: (span.start, span.end)))


def _contradicts(one: ml.LabelledSpan, other: ml.LabelledSpan) -> bool:
    return one.true != other.true and one.start <= other.end and other.start <= one.end
