"""What was expected of the quotes around an event, row by row, as its own version says it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import ml
from analytics.exceptions import AnalyticsError
from analytics.models import AnomalyEvent
from analytics.selectors.chart import event_span
from analytics.services.prices.history import tail_frame
from analytics.services.registry.serving import predictor_of
from analytics.services.translate import ml_errors

logger = logging.getLogger(__name__)
#: A score that every row reaches.
EVERY_ROW = 0.0
MOST_STORED = 2000


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A column over time: `at` are the moments, the others what was expected then and the margins
    at which an alarm would have been raised, in the column's unit; None where unknown."""

    at: list[dt.datetime] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    lower: list[float | None] = field(default_factory=list)
    upper: list[float | None] = field(default_factory=list)

    def add(self, at: dt.datetime, values: Mapping[str, float | None]) -> None:
        """One more row."""
        self.at.append(at)
        for name in ("value", "lower", "upper"):
            getattr(self, name).append(values.get(name))


@dataclass(frozen=True, kw_only=True)
class Around:
    """Per column what was expected, and the score of every row."""

    expected: dict[str, Expected]
    scores: list[tuple[dt.datetime, float]]


def event_stored(event: AnomalyEvent) -> Around:
    """What was stored of the event's own rows."""
    rows = event.results.order_by("timestamp").values_list("timestamp", "expected")[:MOST_STORED]
    columns: dict[str, Expected] = {}
    for at, expected in rows:
        for name, values in expected.items():
            columns.setdefault(name, Expected()).add(at, values)
    return Around(expected=columns, scores=[])


def event_around(event: AnomalyEvent) -> Around:
    """The version looks at the stretch again, each row from the rows before it; nothing is stored.
    Where it cannot (its artifact is gone or broken, the quotes were deleted) what was stored."""
    start, end = event_span(event)
    try:
        with ml_errors():
            predictor = predictor_of(event.model)
            step = event.model.step_minutes
            frame = tail_frame(event.market, until=end, since=start, step_minutes=step)
            found = predictor.detect_anomalies(
                frame, start=start, end=end, threshold=EVERY_ROW, source=ml.Source(event.source)
            )
    except AnalyticsError as error:
        logger.info("event %s cannot be looked at again: %s", event.pk, error)
        return event_stored(event)
    columns: dict[str, Expected] = {}
    for row in found.anomalies:
        for name, value in row.expected.items():
            columns.setdefault(name, Expected()).add(row.timestamp, dataclasses.asdict(value))
    return Around(expected=columns, scores=[(row.timestamp, row.score) for row in found.anomalies])
