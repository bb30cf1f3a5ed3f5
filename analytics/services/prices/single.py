"""One quote into the database: what a collector writes, every few minutes per market."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

import ml
from analytics import events
from analytics.exceptions import InvalidInput
from analytics.models import Market, PriceHistory
from analytics.models.market import lock_markets
from analytics.services.prices.rows import EARLIEST, LATEST


@transaction.atomic
def quote_add(
    *, market: Market, timestamp: dt.datetime, figures: Mapping[str, Decimal | int | None]
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
    timestamp: dt.datetime, figures: Mapping[str, Decimal | int | None]
) -> dict[str, Decimal]:
    """The known figures, rounded to their places."""
    known, problems = {}, {}
    for column in ml.QUOTE_SCHEMA:
        value = figures.get(column.name)
        if value is None:
            continue
        number = Decimal(value)
        if why := _problem(column, number):
            problems[column.name] = why
        else:
            known[column.name] = number.quantize(Decimal(1).scaleb(-column.places))
            if column.positive and not known[column.name]:
                problems[column.name] = _("a price must be above zero")
    if not EARLIEST <= timestamp <= LATEST:
        problems["timestamp"] = _("not an ISO 8601 time between 1970 and 2200")
    if not problems and not known.keys() & set(ml.PRICE_COLUMNS):
        problems["price"] = _("no price at all: give bid, ask or price")
    if problems:
        text = _("%(count)s figures cannot be used; nothing was written.")
        raise InvalidInput(text % {"count": len(problems)}, "bad_rows", problems)
    return known


def _problem(column: ml.QuoteColumn, value: Decimal) -> str:
    """What `rows.check_rows` would say of the figure."""
    if not value.is_finite():
        return _("not a number")
    if abs(value) >= Decimal(column.limit):
        return _("too many digits")
    if not column.places and value % 1:
        return _("not a whole number")
    if column.positive and value <= 0:
        return _("a price must be above zero")
    return _("must not be negative") if value < 0 else ""
