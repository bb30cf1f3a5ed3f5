"""From strange rows to stored events: rows close together are one, whoever finds them and when.

What is stored is a function of the rows alone. A row is kept once per version and moment, and only
rows that were not there yet change an event: a second scan of the same quotes changes nothing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

import ml
from analytics import events
from analytics.events import AnomalyChanged, AnomalyClosed, AnomalyOpened
from analytics.models import AnomalyEvent, AnomalyResult, Market
from analytics.models.direct import fetch, moment
from analytics.models.market import lock_markets
from analytics.selectors.anomalies import fact_of
from analytics.selectors.models import Serving
from analytics.services.anomalies.grouping import event_groups, silence_of, strangest, worst
from analytics.services.prices.history import last_moment


@dataclass(frozen=True, kw_only=True)
class EventChanges:
    """What a scan made of a market's events. `new_rows` were strange and not stored yet. What was
    over when it was found is opened and closed at once."""

    new_rows: int
    opened: tuple[AnomalyOpened, ...]
    changed: tuple[AnomalyChanged, ...]
    closed: tuple[AnomalyClosed, ...]

    def publish(self) -> None:
        """Tell the subscribers; to be called in the transaction of the change."""
        for fact in (*self.opened, *self.changed, *self.closed):
            events.publish(fact)


@dataclass
class _Log:
    """What happens to the events while rows are stored, by id."""

    created: dict[int, AnomalyEvent] = field(default_factory=dict)
    grown: dict[int, AnomalyEvent] = field(default_factory=dict)
    joined: list[AnomalyClosed] = field(default_factory=list)


def events_store(*, market: Market, serving: Serving, scores: ml.AnomalyScores) -> EventChanges:
    """Keep the strange rows and what they make of the events. Who calls it publishes the changes.

    Scans of one market take turns: the market's row is the lock (SQLite's writers take turns
    anyway)."""
    log = _Log()
    with transaction.atomic():
        lock_markets([market.pk])
        limit = last_moment(market) - silence_of(serving.model.step_minutes)
        fresh = _unknown(serving, scores.anomalies)
        for group in event_groups(fresh, serving.model.step_minutes):
            _store_group(market, serving, group, scores.threshold, log)
        running, over = _settle(market, serving, limit)
    goes_on = {running.pk: running} if running is not None else {}
    opened = log.created | goes_on
    changed = [event for pk, event in log.grown.items() if pk not in opened]
    over += [event for pk, event in log.created.items() if pk not in goes_on]
    return EventChanges(
        new_rows=len(fresh),
        opened=tuple(AnomalyOpened(**fact_of(event)) for event in opened.values()),
        changed=tuple(AnomalyChanged(**fact_of(event)) for event in changed),
        closed=(*log.joined, *(AnomalyClosed(**fact_of(event)) for event in over)),
    )


def _unknown(serving: Serving, anomalies: tuple[ml.Anomaly, ...]) -> list[ml.Anomaly]:
    """Those that are not stored yet."""
    if not anomalies:
        return []
    known = set(
        AnomalyResult.objects.filter(
            model=serving.model,
            source=serving.source,
            timestamp__gte=anomalies[0].timestamp,
            timestamp__lte=anomalies[-1].timestamp,
        ).values_list("timestamp", flat=True)
    )
    return [found for found in anomalies if found.timestamp not in known]


def _store_group(
    market: Market, serving: Serving, group: tuple[ml.Anomaly, ...], threshold: float, log: _Log
) -> None:
    event = _event_for(market, serving, group, threshold, log)
    AnomalyResult.objects.bulk_create(
        [
            AnomalyResult(
                market=market,
                model=serving.model,
                event=event,
                source=serving.source,
                timestamp=found.timestamp,
                threshold=threshold,
                severity=found.severity,
                **_said(found),
            )
            for found in group
        ],
        batch_size=500,
    )


def _said(found: ml.Anomaly) -> dict[str, Any]:
    """What a row says, as rows and events keep it."""
    return {
        "score": found.score,
        "kind": found.kind,
        "text": found.text,
        "phrases": [[phrase.template, phrase.values] for phrase in found.phrases],
        "expected": {k: dataclasses.asdict(v) for k, v in found.expected.items()},
        "contributions": found.contributions,
    }


def _event_for(
    market: Market, serving: Serving, group: tuple[ml.Anomaly, ...], threshold: float, log: _Log
) -> AnomalyEvent:
    """The event that the group belongs to, with the group in it; a new one where there is none."""
    silence = silence_of(serving.model.step_minutes)
    near = list(
        # Locked, so that what somebody says of it meanwhile comes after what is written here.
        AnomalyEvent.objects.select_for_update(no_key=True)
        .filter(
            model=serving.model,
            source=serving.source,
            start__lte=group[-1].timestamp + silence,
            end__gte=group[0].timestamp - silence,
        )
        .order_by("start")
    )
    if not near:
        event = _create(market, serving, group, threshold)
        log.created[event.pk] = event
        return event
    event = near[0]
    for other in near[1:]:
        _absorb(event, other, log)
    peak = strangest(group)
    # Of rows that are equally strange the first names the event, whoever came first.
    if (peak.score, event.peak) > (event.score, peak.timestamp):
        event.peak, event.threshold = peak.timestamp, threshold
        for name, value in _said(peak).items():
            setattr(event, name, value)
    event.start = min(event.start, group[0].timestamp)
    event.end = max(event.end, group[-1].timestamp)
    event.rows += len(group)
    event.severity = worst([event.severity, *(found.severity for found in group)])
    event.save()
    kept = log.created if event.pk in log.created else log.grown
    kept[event.pk] = event
    return event


def _create(
    market: Market, serving: Serving, group: tuple[ml.Anomaly, ...], threshold: float
) -> AnomalyEvent:
    peak = strangest(group)
    return AnomalyEvent.objects.create(
        market=market,
        model=serving.model,
        source=serving.source,
        start=group[0].timestamp,
        peak=peak.timestamp,
        end=group[-1].timestamp,
        rows=len(group),
        threshold=threshold,
        severity=worst(found.severity for found in group),
        **_said(peak),
    )


def _absorb(event: AnomalyEvent, other: AnomalyEvent, log: _Log) -> None:
    """New rows lie between two events: they are one. Only where people judged them differently do
    both stay, for what people said is not ours to choose from."""
    if event.feedback and other.feedback and event.feedback != other.feedback:
        return
    AnomalyResult.objects.filter(event=other).update(event=event)
    if other.score > event.score:
        for name in ("peak", "threshold", "score", "kind", "text", "phrases"):
            setattr(event, name, getattr(other, name))
        event.expected, event.contributions = other.expected, other.contributions
    event.end = max(event.end, other.end)
    event.rows += other.rows
    event.severity = worst([event.severity, other.severity])
    if other.feedback and not event.feedback:
        for name in ("feedback", "note", "feedback_at", "feedback_by"):
            setattr(event, name, getattr(other, name))
    # Never one that this very scan made: its groups are a silence apart.
    log.joined.append(AnomalyClosed(**fact_of(other), joined_into=event.pk))
    other.delete()


_EVENTS = (
    f'SELECT id, model_id, source, "start", "end", is_open FROM {AnomalyEvent._meta.db_table} '  # noqa: S608
    'WHERE (model_id = %s AND source = %s AND "end" >= %s) OR (market_id = %s AND is_open)'
)


def _settle(
    market: Market, serving: Serving, limit: dt.datetime
) -> tuple[AnomalyEvent | None, list[AnomalyEvent]]:
    """Open or closed, by the market's last quote.

    The serving version's latest event is open while
    the quotes after it are too few to call the market normal again. All others are over, those of
    versions that no longer watch among them. Answers the one that is open from now on, if it was
    not, and those that were open until now."""
    who = (serving.model.pk, str(serving.source))
    found = fetch(_EVENTS, [*who, limit, market.pk])
    mine = [
        (moment(end), moment(start), pk, is_open)
        for pk, model_id, source, start, end, is_open in found
        if (model_id, source) == who and moment(end) >= limit
    ]
    _end, _start, running_pk, is_open = max(mine, default=(None, None, None, False))
    open_pks = [pk for pk, *_rest, was_open in found if was_open and pk != running_pk]
    over = list(AnomalyEvent.objects.filter(pk__in=open_pks)) if open_pks else []
    if over:
        AnomalyEvent.objects.filter(pk__in=open_pks).update(is_open=False)
    if running_pk is None or is_open:
        return None, over
    running = AnomalyEvent.objects.get(pk=running_pk)
    running.is_open = True
    running.save(update_fields=["is_open", "updated_at"])
    return running, over
