"""One quote into the database: what a collector writes, every few minutes per market."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics import events
from analytics.exceptions import InvalidInput
from analytics.lazily import np
from analytics.models import Market, PriceHistory
from analytics.models.market import lock_markets
from analytics.services.prices.reading.quotes import AHEAD, EARLIEST, out_of_range


@transaction.atomic
def quote_add(
    *, market: Market, timestamp: dt.datetime, figures: Mapping[str, Decimal | float | int | None]
) -> bool:
    """Add one quote, as `price_bulk_add` would, without making frames of it: known figures are laid
    over those that are stored for the moment. Answers whether that changed anything; QuotesStored
    is published where it did. Raises InvalidInput (bad_rows), naming the figures."""
    known = _checked(timestamp, figures)
    lock_markets([market.pk])
    quote = PriceHistory.objects.filter(market=market, timestamp=timestamp).first()
    if quote is None:
        quote = PriceHistory(market=market, timestamp=timestamp)
    changed = {name: value for name, value in known.items() if getattr(quote, name) != value}
    if not changed:
        return False
    for name, value in changed.items():
        setattr(quote, name, value)
    quote.save()
    events.publish(events.QuotesStored(market_ids=(market.pk,)))
    return True


def _checked(
    timestamp: dt.datetime, figures: Mapping[str, Decimal | float | int | None]
) -> dict[str, float | int]:
    """The known figures as they are stored."""
    known: dict[str, float | int] = {}
    problems: dict[str, str] = {}
    for column in ml.QUOTE_SCHEMA:
        value = figures.get(column.name)
        if value is None:
            continue
        number = float(value)
        if why := _problem(column, number):
            problems[column.name] = why
        known[column.name] = int(value) if column.whole and not why else number
    if timestamp < EARLIEST:
        problems["timestamp"] = _("before 2009")
    if timestamp > timezone.now() + AHEAD:
        problems["timestamp"] = _("in the future")
    if not problems and not known.keys() & set(ml.PRICE_COLUMNS):
        problems["price"] = _("no price at all: give bid, ask or price")
    if problems:
        text = _("%(count)s figures cannot be used; nothing was written.")
        raise InvalidInput(text % {"count": len(problems)}, "bad_rows", problems)
    return known


def _problem(column: ml.QuoteColumn, value: float) -> str:
    """What `rows.check_rows` would say of the figure."""
    if not math.isfinite(value):
        return _("not a number")
    found = (why for wrong, why in out_of_range(column, np.array([value])) if wrong[0])
    return next(found, "")
