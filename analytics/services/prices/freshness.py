"""The watch over silence: a market whose quotes stop is noticed once, and once more when they come
again. What was noticed last stands in the market's row, so a restart tells nothing twice."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.utils import timezone

from analytics import events
from analytics.models import Market
from analytics.selectors.prices import market_freshness, market_list

logger = logging.getLogger(__name__)
MARKETS_TASK = "analytics.tasks.watch_markets"

Change = events.MarketStale | events.MarketFresh


def markets_watch(*, now: dt.datetime | None = None) -> list[Change]:
    """The scheduled look at the age of every market's last quote: MarketStale or MarketFresh is
    published where that has changed since the last look. Answers what was published. A market
    without quotes is neither. What fails for one market is logged, and tried again next time."""
    now = now or timezone.now()
    changes = []
    for market in market_list().order_by("pk"):
        found = market_freshness(market, now=now)
        if found["last_quote_at"] is None or found["stale"] == (market.stale_since is not None):
            continue
        try:
            change = _notice(market, found["last_quote_at"], now if found["stale"] else None)
        except Exception:
            logger.exception("freshness of %s", market.symbol)
        else:
            changes += [change] if change is not None else []
    return changes


def _notice(market: Market, last: dt.datetime, since: dt.datetime | None) -> Change | None:
    """None where somebody else noticed it meanwhile."""
    as_it_was = Market.objects.filter(pk=market.pk, stale_since=market.stale_since)
    change: Change = events.MarketStale(market_id=market.pk, last_quote_at=last)
    if market.stale_since is not None:
        change = events.MarketFresh(
            market_id=market.pk, last_quote_at=last, stale_since=market.stale_since
        )
    with transaction.atomic():
        if not as_it_was.update(stale_since=since):
            return None
        events.publish(change)
    return change
