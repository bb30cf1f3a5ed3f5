"""How the watches of markets stand now: what the last look came to, and what has become of it
since. A watch that cannot score is never called one that watches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from analytics.models import AnomalyEvent, AnomalyWatch, Market, TrainedModel
from analytics.models.choices import Task
from analytics.retelling import retold
from analytics.selectors.prices import market_freshness, market_list

#: A look is due every five minutes; quotes that nobody looked at for longer wait for it in vain.
LATE = dt.timedelta(minutes=20)
#: States that the clock or the quotes bring about, beside AnomalyWatch.State.
NO_QUOTES, STALE, BEHIND, STUCK = "no_quotes", "stale", "behind", "stuck"
#: In which nothing could be scored, whatever the quotes do.
_HELPLESS = {
    AnomalyWatch.State.NO_MODEL,
    AnomalyWatch.State.BROKEN,
    AnomalyWatch.State.FAILED,
}
#: Kind of the events of quotes that stand still.
_STUCK = "stuck"


@dataclass(frozen=True)
class WatchState:
    """`state` is one of AnomalyWatch.State or of this module; `detail` names what it is about
    (columns, a version, an error)."""

    market: Market
    state: str
    since: dt.datetime | None
    detail: str = ""
    watch: AnomalyWatch | None = None

    @property
    def good(self) -> bool:
        """Whether new quotes are scored by the version that is meant to score them."""
        return self.state == AnomalyWatch.State.WATCHING

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        row = self.watch
        return {
            "state": str(self.state),
            "since": self.since,
            "detail": retold(self.detail),
            "scored_until": row.scored_until if row else None,
            "last_score": row.last_score if row else None,
            "needed": row.needed if row else None,
            "present": row.present if row else None,
        }


def watch_state(market: Market, *, now: dt.datetime | None = None) -> WatchState:
    """The state of one market's watch."""
    return watch_states([market], now=now)[0]


def watch_states(
    markets: Iterable[Market] | None = None, *, now: dt.datetime | None = None
) -> list[WatchState]:
    """Those of the markets (all that have quotes by default), in three queries."""
    now = now or timezone.now()
    chosen = list(market_list().order_by("pk") if markets is None else markets)
    if markets is None:
        chosen = [market for market in chosen if market.last_quote_at is not None]
    ids = [market.pk for market in chosen]
    watches = AnomalyWatch.objects.in_bulk(ids)
    facts = {pk: (stuck, trained) for pk, stuck, trained in _facts(ids)}
    found = []
    for market in chosen:
        stuck, trained = facts.get(market.pk, (None, None))
        row = watches.get(market.pk)
        found.append(
            _state(market, row, stuck, now) if row else _never_looked(market, trained, now)
        )
    return found


def _facts(ids: list[int]) -> QuerySet[Any, Any]:
    """Of each market its id, since when its quotes are stuck, and when its newest detector was
    trained; None where they are not, and where there is none."""
    stuck = AnomalyEvent.objects.filter(market=OuterRef("pk"), is_open=True, kind=_STUCK)
    detectors = TrainedModel.objects.filter(market=OuterRef("pk"), task=Task.ANOMALY)
    return Market.objects.filter(pk__in=ids).values_list(
        "pk",
        Subquery(stuck.values("start")[:1]),
        Subquery(detectors.order_by("-version").values("trained_at")[:1]),
    )


def _never_looked(market: Market, trained: dt.datetime | None, now: dt.datetime) -> WatchState:
    if market_freshness(market, now=now)["last_quote_at"] is None:
        return WatchState(market, NO_QUOTES, market.created_at)
    if trained is None:
        return WatchState(market, AnomalyWatch.State.NO_MODEL, market.created_at)
    return WatchState(market, BEHIND, trained)


def _state(
    market: Market, row: AnomalyWatch, stuck: dt.datetime | None, now: dt.datetime
) -> WatchState:
    fresh = market_freshness(market, now=now)
    last = fresh["last_quote_at"]
    if last is None:
        return WatchState(market, NO_QUOTES, market.created_at, watch=row)
    if row.state in _HELPLESS:
        return WatchState(market, row.state, row.since, row.detail, row)
    if row.model_id is None and row.state != AnomalyWatch.State.WARMING_UP:
        # Its version was deleted since.
        return WatchState(market, AnomalyWatch.State.NO_MODEL, row.checked_at, watch=row)
    if fresh["stale"]:
        return WatchState(market, STALE, last, watch=row)
    if (row.scored_until is None or row.scored_until < last) and now - row.checked_at > LATE:
        return WatchState(market, BEHIND, row.checked_at, watch=row)
    if row.state == AnomalyWatch.State.WARMING_UP:
        return WatchState(market, row.state, row.since, watch=row)
    if stuck is not None:
        return WatchState(market, STUCK, stuck, watch=row)
    return WatchState(market, row.state, row.since, row.detail, row)
