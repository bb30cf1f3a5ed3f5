"""What can go wrong at a marketplace. Every error carries a stable `code` and a plain reason.

No message ever repeats text out of an answer: what a venue sends may name people. Only paths of
fields, our own words, numbers and short codes (`safe_code`) are said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from analytics.exceptions import AnalyticsError, InvalidInput

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,24}")


def safe_code(value: Any) -> str:
    """A venue's error code if it looks like one, else "?": it is never a sentence or a name."""
    text = str(value)
    return text if _CODE.fullmatch(text) else "?"


class BadVenueConfig(InvalidInput):
    """Options of a venue that cannot be used; `fields` names each one."""

    code = "bad_venue_config"


class UnknownVenue(InvalidInput):
    """No venue of that name is registered."""

    code = "unknown_venue"


class CollectionError(AnalyticsError):
    """A reading that did not become a quote.

    `passing`: asking again soon may help, so the client tries again.
    `counts`: it speaks against the venue, not against one market, so the circuit breaker counts it.
    `retry_after`: seconds the venue asked to be left alone, where it did.
    """

    code = "collection_failed"
    passing = False
    counts = True

    def __init__(
        self,
        message: str,
        fields: Mapping[str, Any] | None = None,
        *,
        retry_after: float | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, None, fields, **details)
        self.retry_after = retry_after


# ------------------------------------------------------------------------------- on the way there
class Unreachable(CollectionError):
    """No connection: name not found, refused, reset, no valid certificate."""

    code = "unreachable"
    passing = True


class TimedOut(CollectionError):
    """The venue did not answer in time, or its answer dripped on and on."""

    code = "timed_out"
    passing = True


class ForbiddenAddress(CollectionError):
    """The URL leads to an address that requests from here must not reach."""

    code = "forbidden_address"
    counts = False


class CircuitOpen(CollectionError):
    """The venue failed too often lately; it is left alone until `retry_after` seconds passed."""

    code = "circuit_open"
    counts = False


# ------------------------------------------------------------------------------- the HTTP answer
class RateLimited(CollectionError):
    """Status 429: asked too often."""

    code = "rate_limited"
    passing = True


class Blocked(CollectionError):
    """Status 401, 403, 418 or 451: the venue does not want this address now."""

    code = "blocked"


class Captcha(CollectionError):
    """A page that wants to see a person instead of data."""

    code = "captcha"


class ServerTrouble(CollectionError):
    """Status 5xx."""

    code = "server_trouble"
    passing = True


class Refused(CollectionError):
    """Any other status that is not 200: the venue does not take this request."""

    code = "refused"
    counts = False


class Redirected(CollectionError):
    """The venue sends elsewhere; other hosts are never followed."""

    code = "redirected"


class TooLarge(CollectionError):
    """The answer is larger than any honest one."""

    code = "too_large"


class NotJson(CollectionError):
    """The answer is not JSON (often an HTML page)."""

    code = "not_json"


class Truncated(CollectionError):
    """The answer, or the list of ads, ends before its end."""

    code = "truncated"
    passing = True


# ------------------------------------------------------------------------------- what it says
class VenueError(CollectionError):
    """An error code inside an answer of status 200."""

    code = "venue_error"


class ShapeChanged(CollectionError):
    """A field is missing or of another type; `fields` names its path."""

    code = "shape_changed"


class WrongMarket(CollectionError):
    """The answer is about another asset, fiat or side than was asked for."""

    code = "wrong_market"
    counts = False


class NonsensePrice(CollectionError):
    """Prices that cannot be: zero, negative, far from each other or from the reference."""

    code = "nonsense_price"
    counts = False


class ClockJump(CollectionError):
    """The venue's time and ours are too far apart."""

    code = "clock_jump"


class StaleAnswer(CollectionError):
    """The venue's own time says that this quote is old."""

    code = "stale_answer"
    counts = False


class EmptyBook(CollectionError):
    """No usable ad on either side (the venue itself is well)."""

    code = "empty_book"
    counts = False


class TooManyPages(CollectionError):
    """More pages than any market has, or more ads than the venue announced."""

    code = "too_many_pages"


class RepeatedAds(CollectionError):
    """The same page again and again, or mostly ads that were seen before."""

    code = "repeated_ads"


class NotOffered(InvalidInput):
    """The venue does not answer that (a book of an aggregator, say)."""

    code = "not_offered"


class BrokenBook(AnalyticsError):
    """Stored bytes that are no book, or one of a later format."""

    code = "broken_book"
