"""What is remembered of a venue between two readings: its circuit breaker and its pace.

A plain frozen value, so that it survives between worker tasks: whoever stores it hands it in and
takes the new one back. Times are aware UTC.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from analytics.venues.errors import (
    Blocked,
    Captcha,
    CircuitOpen,
    CollectionError,
    EmptyBook,
    StaleAnswer,
)
from analytics.venues.texts import Text as _

#: Failures in a row that open the circuit, and how long the first and the longest pause are.
THRESHOLD = 3
FIRST_PAUSE = dt.timedelta(minutes=1)
BLOCKED_PAUSE = dt.timedelta(minutes=10)
LONGEST_PAUSE = dt.timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueState:
    """`failures` in a row, `openings` of the circuit since the last success, `open_until` (no
    request before), `next_at` (the pace: the next request not before), and the last reason."""

    failures: int = 0
    openings: int = 0
    open_until: dt.datetime | None = None
    next_at: dt.datetime | None = None
    last_error: str = ""
    last_success: dt.datetime | None = None


#: A venue of which nothing is known yet.
FIRST_STATE = VenueState()


def admit(state: VenueState, now: dt.datetime) -> None:
    """Raises CircuitOpen while the circuit is open; after it, one reading tries the venue."""
    if state.open_until is None or now >= state.open_until:
        return
    # A clock that was set back must not keep a venue shut for days.
    left = min(state.open_until - now, LONGEST_PAUSE).total_seconds()
    raise CircuitOpen(
        _(
            "The venue failed lately (%(reason)s); it is asked again in %(seconds)s s.",
            reason=state.last_error,
            seconds=f"{left:.0f}",
        ),
        retry_after=left,
    )


def succeeded(state: VenueState, now: dt.datetime) -> VenueState:
    return VenueState(next_at=state.next_at, last_success=now)


def failed(state: VenueState, error: CollectionError, now: dt.datetime) -> VenueState:
    """The state after an error. Blocked venues and those that name a time are left alone at once;
    others after THRESHOLD failures in a row, twice as long each time the trial fails again."""
    if isinstance(error, (EmptyBook, StaleAnswer)):
        return succeeded(state, now)
    if not error.counts:
        return state
    failures = state.failures + 1
    asked = dt.timedelta(seconds=error.retry_after or 0)
    blocked = isinstance(error, (Blocked, Captcha))
    if not (failures >= THRESHOLD or blocked or asked):
        return replace(state, failures=failures, last_error=error.code)
    first = BLOCKED_PAUSE if blocked else FIRST_PAUSE
    pause = min(max(first * 2 ** min(state.openings, 12), asked), LONGEST_PAUSE)
    return replace(
        state,
        failures=failures,
        openings=state.openings + 1,
        open_until=now + pause,
        last_error=error.code,
    )
