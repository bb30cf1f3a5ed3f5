"""What is asked again and again of a market while its quotes are followed, read once for many.

Within `glimpsed` the reads that say where a market stands (its counters, its last quote, the
versions that answer) are those of one earlier moment. Quotes that came since are another round's
business; that old ones were rewritten since is noticed by who stores what was made of them: it
asks outside (`services.prices.unchanged`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Glimpse:
    """A market at one moment: its (revision, rewrites), its last quote's time, and of each task
    (id, artifact, checksum) of the active version. Where that was asked for, also the last quote's
    time at or before a moment; and of tasks without an active version, (id, artifact, checksum,
    status) of the newest ones."""

    market_id: int
    counters: tuple[int, int]
    last: dt.datetime | None
    answering: Mapping[str, tuple[int, str, str]]
    before: Mapping[dt.datetime, dt.datetime | None] = field(default_factory=dict)
    inactive: Mapping[str, Sequence[tuple[int, str, str, str]]] = field(default_factory=dict)


_now: ContextVar[Glimpse | None] = ContextVar("glimpse", default=None)


@contextmanager
def glimpsed(glimpse: Glimpse | None) -> Iterator[None]:
    """Within it, that market is as it was then; None: as it is."""
    token = _now.set(glimpse)
    try:
        yield
    finally:
        _now.reset(token)


def glimpse_of(market_id: int) -> Glimpse | None:
    """The one that holds here for that market, if any."""
    held = _now.get()
    return held if held is not None and held.market_id == market_id else None
