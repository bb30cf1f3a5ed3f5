"""Which strange rows belong together, and what names them; no database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import ml
from analytics.models import Severity

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
    """The row with the highest score; it names the event."""
    return max(group, key=lambda found: found.score)


def worst(severities: Iterable[str]) -> str:
    """The gravest of some severities."""
    return max(severities, key=lambda name: _RANK.get(name, 0))
