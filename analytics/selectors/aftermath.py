"""What came after an event, and after earlier ones of its kind. Nothing that was quoted after the
event began tells of the earlier ones: their outcomes are those that could be known by then."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ml
from analytics.lazily import np
from analytics.models import AnomalyEvent
from analytics.selectors.series import quote_series

#: How long after the end of an event it is looked at again.
HOURS = (1, 6, 24)
#: Earlier events that are looked at, the newest ones.
MOST = 200


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Where the price stood some hours after the end, against the last quote before the start, in
    percent; and the spread then, in percent of the mid. None where nobody quoted."""

    hours: int
    move: float | None
    spread: float | None


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """`own` are the event's outcomes, `earlier` those of each earlier event of its kind, all in the
    order of HOURS; `similar` are those events, newest first."""

    own: list[Outcome]
    similar: list[AnomalyEvent]
    earlier: list[list[Outcome]]


def aftermath(event: AnomalyEvent) -> Aftermath:
    """Of the event's market."""
    similar = _similar(event)
    first = min((one.start for one in similar), default=event.start)
    quotes = quote_series(event.market, first - dt.timedelta(days=1))
    figures, known = quotes.derived(), event.start.timestamp()
    return Aftermath(
        own=_outcomes(event, quotes.at, figures, np.inf),
        similar=similar,
        earlier=[_outcomes(one, quotes.at, figures, known) for one in similar],
    )


def _similar(event: AnomalyEvent) -> list[AnomalyEvent]:
    """Earlier alarms of the kind, each once: several versions may have seen one. What people called
    a false alarm is none."""
    rows = AnomalyEvent.objects.filter(
        market=event.market_id,
        kind=event.kind,
        end__lt=event.start,
        score__gte=AnomalyEvent.ALARM,
    )
    rows = rows.exclude(feedback=AnomalyEvent.Feedback.FALSE).select_related("market", "model")
    kept: list[AnomalyEvent] = []
    for one in rows.order_by("-start", "-model", "-pk")[: 3 * MOST]:
        if not kept or one.end < kept[-1].start:
            kept.append(one)
    return kept[:MOST]


def _outcomes(
    event: AnomalyEvent, at: np.ndarray, figures: dict[str, np.ndarray], known: float
) -> list[Outcome]:
    """`at` and `figures` are those of a Series; after `known`, alike, nothing is known."""
    limit = 60.0 * ml.staleness_limit(event.market.cadence_minutes)
    start, end = event.start.timestamp() - 1e-3, event.end.timestamp()
    before = _last(at, figures["average"], start, start - limit)
    ends = min(known, at[-1]) if len(at) else -np.inf
    found = []
    for hours in HOURS:
        then = end + 3600 * hours
        price, spread = (
            None if then > ends else _last(at, figures[name], then, max(end + 1e-3, then - limit))
            for name in ("average", "spread")
        )
        move = None if price is None or not before else 100 * (price / before - 1)
        found.append(Outcome(hours=hours, move=move, spread=spread))
    return found


def _last(at: np.ndarray, values: np.ndarray, until: float, since: float) -> float | None:
    """The newest known value in since..until."""
    first, end = np.searchsorted(at, since), np.searchsorted(at, until, side="right")
    known = np.flatnonzero(np.isfinite(values[first:end]))
    return float(values[first + known[-1]]) if len(known) else None
