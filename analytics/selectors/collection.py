"""Reads of collecting: sources, their reasons, kept books, gaps in what was collected."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Case, F, Prefetch, Q, QuerySet, When, Window
from django.db.models.functions import Lag

from analytics.models import Market, MarketSource, PriceHistory, StoredBook, VenueStatus
from analytics.selectors.prices import market_list

NOT_AHEAD = dt.timedelta(0)


def source_list() -> QuerySet[MarketSource]:
    """Sources with their markets and the reasons they failed for."""
    return MarketSource.objects.select_related("market").prefetch_related("reasons")


def source_states() -> QuerySet[MarketSource]:
    """The same with what `market_freshness` asks of the markets."""
    return source_list().select_related(None).prefetch_related(Prefetch("market", market_list()))


def sources_due(now: dt.datetime, *, ahead: dt.timedelta = NOT_AHEAD) -> list[MarketSource]:
    """Sources that are switched on and due by `ahead` from now, longest overdue first. One that is
    due later than two of its intervals from now was planned before the clock was set back: it is
    due."""
    planned = source_list().filter(enabled=True)
    due = [source for source in planned if is_due(source, now, ahead=ahead)]
    return sorted(due, key=lambda source: (source.next_due_at or source.created_at, source.pk))


def is_due(source: MarketSource, now: dt.datetime, *, ahead: dt.timedelta = NOT_AHEAD) -> bool:
    """Whether a reading of the source is due, see `sources_due`."""
    latest = now + 2 * dt.timedelta(seconds=source.interval_seconds)
    return source.next_due_at is None or not now + ahead < source.next_due_at <= latest


def venue_list() -> QuerySet[VenueStatus]:
    return VenueStatus.objects.all()


def books_of(
    market: Market, *, since: dt.datetime | None = None, until: dt.datetime | None = None
) -> QuerySet[StoredBook]:
    """Kept books, newest first."""
    rows = StoredBook.objects.filter(market=market).order_by("-taken_at")
    if since is not None:
        rows = rows.filter(taken_at__gte=since)
    return rows if until is None else rows.filter(taken_at__lte=until)


def markets_beside(market: Market, *, most: int = 30) -> QuerySet[Market]:
    """Markets of the same asset that are collected or have the market's fiat, itself among them,
    those of its fiat first: pairs of them are compared, which takes its time."""
    beside = market_list().filter(asset__iexact=market.asset)
    own = Q(fiat__iexact=market.fiat)
    return beside.filter(own | Q(source__enabled=True)).order_by(
        Case(When(own, then=0), default=1), "pk"
    )[:most]


def markets_of_fiat(fiat: str) -> QuerySet[Market]:
    """Markets that tell what a fiat is worth in another one: it is their asset, or the fiat of an
    asset that is a fiat elsewhere."""
    others = Market.objects.exclude(fiat__iexact=fiat).values("fiat")
    between = Q(asset__iexact=fiat) | Q(fiat__iexact=fiat, asset__in=others)
    return market_list().filter(between).order_by("pk")


@dataclass(frozen=True)
class Gap:
    """No quote lies between these two."""

    start: dt.datetime
    end: dt.datetime

    @property
    def minutes(self) -> float:
        return round((self.end - self.start).total_seconds() / 60, 1)


def gaps_of(
    market: Market, *, since: dt.datetime, longer_than: dt.timedelta, most: int = 1000
) -> list[Gap]:
    """Stretches longer than that between neighbouring quotes from `since` on, newest first."""
    before = Window(Lag("timestamp"), order_by=F("timestamp").asc())
    rows = (
        PriceHistory.objects.filter(market=market, timestamp__gte=since)
        .annotate(before=before)
        .filter(Q(before__lt=F("timestamp") - longer_than))
        .order_by("-timestamp")
        .values_list("before", "timestamp")[:most]
    )
    return [Gap(start, end) for start, end in rows]
