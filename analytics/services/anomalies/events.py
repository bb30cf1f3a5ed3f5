"""From strange rows to stored events: rows close together are one, whoever finds them and when.

What is stored is a function of the rows alone. A row is kept once per version and moment, and only
rows that were not there yet change an event: a second scan of the same quotes changes nothing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable

from django.db import transaction

import ml
from analytics.models import AnomalyEvent, AnomalyResult, Market, Severity
from analytics.selectors.models import Serving
from analytics.services.prices.history import last_moment

#: Grid rows of silence that end an event.
SILENCE_STEPS = 12
_RANK = {name: rank for rank, name in enumerate(Severity.values)}


def silence_of(step_minutes: int) -> dt.timedelta:
    """How long a market must be normal until an event is over."""
    return dt.timedelta(minutes=SILENCE_STEPS * step_minutes)


def event_groups(
    anomalies: Iterable[ml.Anomaly], step_minutes: int
) -> list[tuple[ml.Anomaly, ...]]:
    """Strange rows, oldest first, that belong together."""
    silence = silence_of(step_minutes)
    groups: list[list[ml.Anomaly]] = []
    for found in anomalies:
        if groups and found.timestamp - groups[-1][-1].timestamp <= silence:
            groups[-1].append(found)
        else:
            groups.append([found])
    return [tuple(group) for group in groups]


def strangest(group: Iterable[ml.Anomaly]) -> ml.Anomaly:
    return max(group, key=lambda found: found.score)


def worst(severities: Iterable[str]) -> str:
    return max(severities, key=lambda name: _RANK.get(name, 0))


def events_store(*, market: Market, serving: Serving, scores: ml.AnomalyScores) -> int:
    """Keep the strange rows and what they make of the events; how many rows were new.

    Scans of one market take turns: the market's row is the lock (SQLite's writers take turns
    anyway)."""
    with transaction.atomic():
        Market.objects.select_for_update(no_key=True).get(pk=market.pk)
        fresh = _unknown(serving, scores.anomalies)
        for group in event_groups(fresh, serving.model.step_minutes):
            _store_group(market, serving, group, scores.threshold)
        events_settle(market=market, serving=serving)
    return len(fresh)


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
    market: Market, serving: Serving, group: tuple[ml.Anomaly, ...], threshold: float
) -> None:
    event = _event_for(market, serving, group, threshold)
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


def _said(found: ml.Anomaly) -> dict:
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
    market: Market, serving: Serving, group: tuple[ml.Anomaly, ...], threshold: float
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
    peak = strangest(group)
    if not near:
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
    event = near[0]
    for other in near[1:]:
        _absorb(event, other)
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
    return event


def _absorb(event: AnomalyEvent, other: AnomalyEvent) -> None:
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
    other.delete()


def events_settle(*, market: Market, serving: Serving) -> AnomalyEvent | None:
    """Open or closed, by the market's last quote: the serving version's latest event is open while
    the quotes after it are too few to call the market normal again. All others are over, those of
    versions that no longer watch among them. Answers the open one."""
    mine = AnomalyEvent.objects.filter(model=serving.model, source=serving.source)
    latest = mine.order_by("-end", "-start").first()
    over = last_moment(market) - silence_of(serving.model.step_minutes)
    running = latest if latest is not None and latest.end >= over else None
    was_open = AnomalyEvent.objects.filter(market=market, is_open=True)
    was_open.exclude(pk=running.pk if running else None).update(is_open=False)
    if running is not None and not running.is_open:
        running.is_open = True
        running.save(update_fields=["is_open", "updated_at"])
    return running
