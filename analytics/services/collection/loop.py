"""Collecting without a queue: rounds until told to stop, as the command runs them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

from django.db import DatabaseError, connection

from analytics.models import MarketSource
from analytics.selectors.collection import is_due, source_list
from analytics.services.collection.rounds import Round, collect_due, collect_sources
from analytics.services.collection.sources import source_for
from analytics.services.collection.wiring import real_setting

logger = logging.getLogger(__name__)
#: Seconds after which the sources are looked at again; what is due sooner is read sooner.
LOOK_SECONDS = 15.0


def collect_once(*, market: str | None = None) -> Round:
    """Everything that is due, or the source of one market, due or not, switched on or not. Raises
    as `source_for` does."""
    if not market:
        return collect_due()
    return collect_sources([source_for(market)])


def collect_until(stop: threading.Event, *, market: str | None = None) -> Iterator[Round]:
    """Rounds whenever something is due, until `stop` is set. A market that is named is collected
    even where its source is switched off. A database that is gone for a while is waited for.
    Raises as `source_for` does."""
    chosen = source_for(market).pk if market else None
    while not stop.is_set():
        try:
            found = collect_due() if chosen is None else _chosen(chosen)
            pause = _pause(chosen)
        except DatabaseError:
            # It restarts, or is locked: nothing is lost, what is due stays due.
            logger.exception("the database cannot be used; trying again")
            connection.close()
            found, pause = Round(), LOOK_SECONDS
        if found.done or found.skipped:
            yield found
        stop.wait(pause)


def _chosen(pk: int) -> Round:
    now = real_setting().clock()
    return collect_sources([s for s in source_list().filter(pk=pk) if is_due(s, now)])


def _pause(chosen: int | None) -> float:
    """Seconds until the next source is due, a quarter of a second at least."""
    wanted = {"enabled": True} if chosen is None else {"pk": chosen}
    planned = MarketSource.objects.filter(**wanted).order_by("next_due_at")
    due = planned.values_list("next_due_at", flat=True)
    now = real_setting().clock()
    waits = [0.0 if at is None else (at - now).total_seconds() for at in due]
    return min(LOOK_SECONDS, max(0.25, min(waits, default=LOOK_SECONDS)))
