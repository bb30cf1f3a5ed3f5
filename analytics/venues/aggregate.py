"""What the adapters of venues without ads share: a finished quote, checked."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import quote as percent_encoded

from analytics.venues.book import SideQuote, VenueQuote
from analytics.venues.errors import ClockJump, EmptyBook, NonsensePrice, StaleAnswer
from analytics.venues.fetch.client import Reply
from analytics.venues.reading import moment
from analytics.venues.registry import Visit
from analytics.venues.texts import Text as _

#: Two sides of one price further apart than this are not one market.
WIDEST = Decimal("0.5")


class Aging(Protocol):
    @property
    def max_age(self) -> int: ...
    @property
    def max_skew(self) -> int: ...


def aggregate(
    visit: Visit[Any],
    reply: Reply,
    *,
    method: str,
    ask: SideQuote | None = None,
    bid: SideQuote | None = None,
    price: Decimal | None = None,
    server_time: dt.datetime | None = None,
) -> VenueQuote:
    """The quote, taken when the answer came. Raises EmptyBook, NonsensePrice."""
    if ask is None and bid is None and price is None:
        raise EmptyBook(_("The venue names no price now."))
    if ask is not None and bid is not None:
        apart = abs(ask.price - bid.price) / max(ask.price, bid.price)
        if apart > WIDEST:
            raise NonsensePrice(_("The two sides of the venue's price are too far apart."))
    return VenueQuote(
        venue=visit.venue,
        pair=visit.pair,
        taken_at=reply.taken_at,
        server_time=server_time or reply.server_time,
        method=method,
        ask=ask,
        bid=bid,
        price=price,
    )


def check_market_time(
    value: Any, path: str, now: dt.datetime, options: Aging, how: str = "auto"
) -> dt.datetime:
    """When the venue says its price is from. Raises ShapeChanged, StaleAnswer, ClockJump."""
    when = moment(value, path, how)
    age = (now - when).total_seconds()
    if age > options.max_age:
        raise StaleAnswer(
            _(
                "The venue's price is %(seconds)s s old; %(allowed)s s are allowed.",
                seconds=f"{age:.0f}",
                allowed=options.max_age,
            )
        )
    if -age > options.max_skew:
        raise ClockJump(
            _("The venue's price is from %(seconds)s s in the future.", seconds=f"{-age:.0f}")
        )
    return when


def path_part(text: str) -> str:
    """A text as one part of a path: nothing in it can lead elsewhere."""
    return percent_encoded(text, safe="")
