"""What marketplaces and options say, for people: `analytics.venues` knows no translations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

#: Why a reading became no quote: the codes of analytics.venues.errors, and those of storing it.
REASONS = {
    "bad_venue_config": _("The options of the source cannot be used."),
    "blocked": _("The venue does not serve this address now."),
    "captcha": _("The venue wants to see a person instead of answering."),
    "circuit_open": _("The venue failed too often lately and is left alone for a while."),
    "clock_jump": _("The venue's clock and ours are too far apart."),
    "collection_failed": _("The adapter of the venue failed; the log says where."),
    "empty_book": _("Nobody advertises there now, or no ad is usable."),
    "forbidden_address": _("Requests from here must not reach this address."),
    "nonsense_price": _("The venue's figures cannot be true."),
    "not_json": _("The venue did not answer with JSON."),
    "not_offered": _("The venue does not answer that."),
    "not_stored": _("The quote could not be stored; the log says why."),
    "rate_limited": _("The venue was asked too often."),
    "redirected": _("The venue sends elsewhere."),
    "refused": _("The venue does not take this request; it may not know the market."),
    "repeated_ads": _("The venue repeats the same ads over and over."),
    "server_trouble": _("The venue has trouble itself."),
    "shape_changed": _("The venue's answer has another shape than it had."),
    "stale_answer": _("The venue's price is too old."),
    "timed_out": _("The venue did not answer in time."),
    "too_large": _("The venue's answer is larger than any honest one."),
    "too_many_pages": _("The venue lists more than any market has."),
    "truncated": _("The venue's answer breaks off."),
    "unknown_venue": _("There is no venue of that name."),
    "unreachable": _("The venue cannot be reached."),
    "venue_error": _("The venue answered with an error of its own."),
    "wrong_market": _("The venue answered for another market or side."),
}


def reason(code: str) -> str:
    """The sentence of a collection error, in the reader's language; the code where it is new."""
    return str(REASONS.get(code, code))


def told(said: Mapping[str, Any]) -> dict[str, Any]:
    """What venues say of themselves or of wrong inputs, by name, in the reader's language; what is
    no `analytics.venues.texts.Text` stays as it is."""
    return {name: _told(value) for name, value in said.items()}


def _told(value: Any) -> Any:
    template = getattr(value, "template", None)  # this module stands below the venues
    if template is None:
        return value
    text = gettext(template)
    return text % value.values if value.values else text
