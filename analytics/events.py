"""What happened, told in this process to whoever subscribed.

Whoever changes something that others may care about publishes a small fact; who cares is not the
publisher's business. There are two kinds of subscribers:

- *durable* ones run at once, inside the publisher's transaction. They may only write rows (an
  outbox, say): what they write is there exactly when the change itself is. One that fails raises
  out of `publish` and takes the change back with it.
- all others run *after the commit*, in the publisher's thread and in the order in which they
  subscribed, and not at all where the transaction is rolled back. One that fails is logged; the
  others run all the same, and the publisher never hears of it. If the process dies between the
  commit and the call, the event is lost: what must not be lost is a durable subscriber's business.

Facts carry ids and plain values, never rows. Modules that subscribe are listed in
`analytics.apps.SUBSCRIBERS`, which AppConfig.ready imports.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from django.db import transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True, kw_only=True)
class AnomalyFact(Event):
    """How an anomaly event stands now. `start` and `end` are its first and its last strange row,
    `score` that of its strangest (see AnomalyEvent.ALARM), `feedback` what people said of it."""

    event_id: int
    market_id: int
    model_id: int
    start: dt.datetime
    end: dt.datetime
    score: float
    severity: str
    feedback: str


@dataclass(frozen=True, kw_only=True)
class AnomalyOpened(AnomalyFact):
    """An event was found, or one that was over goes on. What is over when it is found (history was
    imported or scanned) is opened and closed at once: `end` says how long ago it was."""


@dataclass(frozen=True, kw_only=True)
class AnomalyChanged(AnomalyFact):
    """An event grew, or people judged it."""


@dataclass(frozen=True, kw_only=True)
class AnomalyClosed(AnomalyFact):
    """An event is over. `joined_into` is the event that it became part of, if it is gone."""

    joined_into: int | None = None


@dataclass(frozen=True, kw_only=True)
class ModelPublished(Event):
    """A training left a version behind; whether it answers is decided afterwards."""

    model_id: int
    market_id: int
    task: str
    version: int


@dataclass(frozen=True, kw_only=True)
class ModelPromoted(Event):
    """A version answers from now on. `action` is promoted or rolled_back (ModelEvent.Action),
    `automatic` says that the policy did it, `replaced` which version answered before."""

    model_id: int
    market_id: int
    task: str
    version: int
    action: str
    automatic: bool
    replaced: int | None


@dataclass(frozen=True, kw_only=True)
class ModelDrifted(Event):
    """The active version began to differ from what it was when it was trained; told once, and again
    where it had recovered in between. `reasons` are stable words, of inputs and live forecasts."""

    model_id: int
    market_id: int
    task: str
    version: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ModelExpired(Event):
    """The active version got too old to be relied on; told once. `reason` is age or data (see
    services.registry.expiry), `days` how old."""

    model_id: int
    market_id: int
    task: str
    version: int
    reason: str
    days: float


@dataclass(frozen=True, kw_only=True)
class RunEnded(Event):
    """A run of long work was closed: `status` is succeeded, failed or cancelled, `code` the stable
    word for why (empty where it succeeded). `kind` is training, backtest or
    import."""

    kind: str
    run_id: int
    status: str
    code: str


@dataclass(frozen=True, kw_only=True)
class QuotesStored(Event):
    """Quotes of these markets were written."""

    market_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class QuotesDeleted(Event):
    """Quotes of a market were deleted, all from `first` to `last`; `until` is the next one that is
    left, None where there is none."""

    market_id: int
    first: dt.datetime
    last: dt.datetime
    until: dt.datetime | None

    def spoken_for(self, moment: str) -> dict[str, dt.datetime]:
        """Filters of the rows whose `moment` had a deleted quote as its last one."""
        ends = {} if self.until is None else {f"{moment}__lt": self.until}
        return {f"{moment}__gte": self.first, **ends}


@dataclass(frozen=True, kw_only=True)
class MarketStale(Event):
    """A market's last quote has become too old to speak for now."""

    market_id: int
    last_quote_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class MarketFresh(Event):
    """A market that was stale (since it was noticed at `stale_since`) is quoted again."""

    market_id: int
    last_quote_at: dt.datetime
    stale_since: dt.datetime


Subscriber = TypeVar("Subscriber", bound=Callable[[Any], object])


@dataclass(frozen=True)
class _Subscription:
    """A subscriber of a type is told of its subtypes too."""

    kinds: tuple[type[Event], ...]
    call: Callable[[Any], object]
    durable: bool


_subscriptions: list[_Subscription] = []


def subscribe(*kinds: type[Event], durable: bool = False) -> Callable[[Subscriber], Subscriber]:
    """Decorator: call the function with every event of these types; see the module for `durable`.
    Subscribing to `Event` is subscribing to everything."""

    def keep(call: Subscriber) -> Subscriber:
        _subscriptions.append(_Subscription(kinds, call, durable))
        return call

    return keep


@contextmanager
def subscribed(
    call: Callable[[Any], object], *kinds: type[Event], durable: bool = False
) -> Iterator[None]:
    """Subscribe for the time being, as a test does."""
    mine = _Subscription(kinds, call, durable)
    _subscriptions.append(mine)
    try:
        yield
    finally:
        _subscriptions.remove(mine)


def publish(event: Event) -> None:
    """Tell the subscribers: the durable ones now, the others after the commit of the transaction
    that this is called in (at once where there is none). Raises what a durable subscriber raises:
    the rows of all durable ones are then rolled back, and the publisher's own unless it catches."""
    with transaction.atomic():
        for one in tuple(_subscriptions):
            if not isinstance(event, one.kinds):
                continue
            if one.durable:
                one.call(event)
            else:
                transaction.on_commit(partial(_tell, one.call, event))


def _tell(call: Callable[[Any], object], event: Event) -> None:
    try:
        call(event)
    except Exception:
        logger.exception("subscriber %s failed at %s", getattr(call, "__qualname__", call), event)
