"""Quotes of a market taken away again: asked twice, written down, and all at once.

What was made of them goes in the same transaction: whoever keeps such things subscribes to
QuotesDeleted (forecasts, anomalies, patterns). Frames and charts that are kept in memory are told
by the market's counters. Versions and backtests stay: they say what they were made of.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Max, Min, QuerySet
from django.utils.translation import gettext as _

from analytics import events
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import Market, PriceDeletion, PriceHistory
from analytics.models.market import lock_markets


def prices_delete(
    *,
    market: Market,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    confirm: int | bool | None = None,
    by: Any = None,
) -> PriceDeletion:
    """Delete the quotes from `start` to `end`, both included; without one that side is open.

    `confirm` is their exact number, or True for whatever there is. Raises Conflict
    (confirm_deletion) with count, first and last where it is neither, and InvalidInput (bad_range,
    no_history).
    """
    if start is not None and end is not None and start > end:
        message = _("The range would end before it starts.")
        raise InvalidInput(message, "bad_range", {"from": _("must not be later than `to`")})
    with transaction.atomic():
        lock_markets([market.pk])
        quotes = _within(market, start, end)
        count = quotes.count()
        if not count:
            raise InvalidInput(
                _("%(market)s has no quotes in that window.") % {"market": market.symbol},
                "no_history",
                {"market": _("has no quotes")},
            )
        span = quotes.order_by().aggregate(first=Min("timestamp"), last=Max("timestamp"))
        if confirm is not True and (confirm is False or confirm != count):
            raise _unconfirmed(market, count, span)
        quotes.delete()
        gone = PriceDeletion.objects.create(
            market=market, label=market.symbol, start=start, end=end, rows=count, by=by, **span
        )
        events.publish(events.QuotesDeleted(market_id=market.pk, until=_next(market, span), **span))
    return gone


def _within(
    market: Market, start: dt.datetime | None, end: dt.datetime | None
) -> QuerySet[PriceHistory]:
    quotes = PriceHistory.objects.filter(market=market)
    if start is not None:
        quotes = quotes.filter(timestamp__gte=start)
    return quotes if end is None else quotes.filter(timestamp__lte=end)


def _next(market: Market, span: dict[str, dt.datetime]) -> dt.datetime | None:
    """The first quote that is left after the deleted ones: until then they were the last word."""
    later = PriceHistory.objects.filter(market=market, timestamp__gt=span["last"])
    return later.order_by("timestamp").values_list("timestamp", flat=True).first()


def _unconfirmed(market: Market, count: int, span: dict[str, dt.datetime]) -> Conflict:
    return Conflict(
        _(
            "%(count)s quotes of %(market)s from %(first)s to %(last)s would be deleted, with all "
            "that was made of them. Confirm it with their number."
        )
        % {
            "count": count,
            "market": market.symbol,
            **{name: f"{moment:%Y-%m-%d %H:%M} UTC" for name, moment in span.items()},
        },
        "confirm_deletion",
        {"confirm": _("must be %(count)s") % {"count": count}},
        count=count,
        **span,
    )
