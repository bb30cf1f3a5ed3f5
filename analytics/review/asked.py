"""What a query string asks for, leniently: what cannot be read is no condition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date

from analytics.models import Severity
from analytics.selectors.anomalies import STATES, EventQuery

#: What may stand in the address of the inbox, and goes along from page to page.
FILTERS = ("market", "kind", "severity", "state", "from", "to", "everything")


def event_query(given: Mapping[str, Any]) -> EventQuery:
    """Of an inbox; days are whole and in the reader's zone."""
    state, severity = given.get("state", ""), given.get("severity", "")
    until = _day(given.get("to"))
    return EventQuery(
        market=number(given.get("market")),
        kind=given.get("kind", "")[:40],
        severity=severity if severity in Severity.values else "",
        state=state if state in STATES else STATES[0],
        since=_day(given.get("from")),
        until=until + dt.timedelta(days=1) if until else None,
        everything=bool(given.get("everything")),
    )


def number(text: str | None) -> int | None:
    """A positive whole number that a database key may have."""
    text = text or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _day(text: str | None) -> dt.datetime | None:
    try:
        day = parse_date(text or "")
    except ValueError:  # well formed, and no day
        return None
    if day is None or not dt.date(1970, 1, 2) <= day <= dt.date(9990, 1, 1):
        return None
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def person(request: HttpRequest) -> Any:
    """The account that did it, for the trail; None where nobody is signed in."""
    return request.user if request.user.is_authenticated else None
