"""How well collecting goes: freshness and gaps of a market, and which collected ones are stale."""

from __future__ import annotations

import datetime as dt
from typing import Any

from analytics.models import Market, MarketSource
from analytics.retelling import retold
from analytics.selectors.collection import Gap, gaps_of, source_list, venue_list
from analytics.selectors.prices import freshness_limit, market_freshness, market_list


def market_collection(*, market: Market, now: dt.datetime) -> dict[str, Any]:
    """The market's freshness and, where it has a source, how collecting goes: last success, last
    error, counts by reason, the venue's pause."""
    source = source_list().filter(market=market).first()
    return {
        "market": market.symbol,
        **market_freshness(market, now=now),
        "limit_minutes": freshness_limit(market),
        "source": None if source is None else source_described(source),
    }


def source_described(source: MarketSource) -> dict[str, Any]:
    """How collecting from a source goes, in plain values."""
    venue = venue_list().filter(venue=source.venue).first()
    return {
        "id": source.pk,
        "venue": source.venue,
        "enabled": source.enabled,
        "interval_seconds": source.interval_seconds,
        "last_attempt_at": source.last_attempt_at,
        "last_success_at": source.last_success_at,
        "next_due_at": source.next_due_at,
        "readings": source.readings,
        "failures_in_a_row": source.failures,
        "last_error": source.last_error_code,
        "last_error_reason": retold(source.last_error),
        "last_error_at": source.last_error_at,
        "errors": {reason.code: reason.count for reason in source.reasons.all()},
        "venue_paused_until": None if venue is None else venue.open_until,
    }


def market_gaps(
    *, market: Market, now: dt.datetime, days: int = 30, minutes: float | None = None
) -> dict[str, Any]:
    """Stretches without a quote in the last days, newest first, longer than `minutes` (by default
    the market's freshness limit); the one that lasts is the first, its `end` unknown."""
    limit = freshness_limit(market) if minutes is None else minutes
    longer = dt.timedelta(minutes=limit)
    since = now - dt.timedelta(days=days)
    gaps = [_gap(gap) for gap in gaps_of(market, since=since, longer_than=longer)]
    last = market_freshness(market, now=now)["last_quote_at"]
    if last is not None and now - last > longer:
        gaps.insert(0, {**_gap(Gap(last, now)), "end": None})
    return {
        "market": market.symbol,
        "days": days,
        "longer_than_minutes": limit,
        "count": len(gaps),
        "minutes": round(sum(gap["minutes"] for gap in gaps), 1),
        "gaps": gaps,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {"start": gap.start, "end": gap.end, "minutes": gap.minutes}


def collected_stale(*, now: dt.datetime) -> list[str]:
    """Symbols of the markets that are collected and too old to speak for now."""
    collected = market_list().filter(source__enabled=True).order_by("pk")
    return [m.symbol for m in collected if market_freshness(m, now=now)["stale"]]
