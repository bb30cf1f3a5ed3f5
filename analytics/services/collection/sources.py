"""Sources: made, changed, switched on and off; what they order from a venue."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from copy import copy
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from analytics.exceptions import Conflict, InvalidInput, NotFound
from analytics.models import Market, MarketSource
from analytics.sealing import seal, unseal
from analytics.selectors.collection import source_list
from analytics.selectors.prices import market_get
from analytics.services.prices.markets import market_get_or_create, refuse_bad_symbol
from analytics.venue_words import told
from analytics.venues.book import Pair
from analytics.venues.collect import Order, make_order
from analytics.venues.options import describe_options
from analytics.venues.quoting.methods import DEFAULT_METHOD
from analytics.venues.registry import VenueSpec, get_venue, list_venues

#: What stands for a secret that is stored; sent back, it leaves the secret as it is.
HIDDEN = "••••••"
#: What a sealed option begins with.
SEALED = "sealed:"
_LIMITS = {"interval_seconds": (5, 86_400), "keep_book_days": (0, 3650)}


def venues_described() -> list[dict[str, Any]]:
    """Every venue with what it answers, its terms and its options, for forms and documents."""
    return [
        told(
            {
                "name": spec.name,
                "title": spec.title,
                "offers": sorted(spec.offers),
                "seconds_between_requests": spec.interval,
                "request": spec.request,
                "fields": spec.fields,
                "sides": {str(side): name for side, name in spec.sides.items()},
                "terms": spec.terms,
                "options": [_option(entry) for entry in describe_options(spec.options)],
            }
        )
        for spec in list_venues()
    ]


def _option(entry: Mapping[str, Any]) -> dict[str, Any]:
    default = entry["default"]
    shown = default if isinstance(default, int | float | str | dict | None) else str(default or "")
    return {**told(entry), "default": shown, "choices": list(entry["choices"])}


def source_order(source: MarketSource) -> Order:
    """What a source asks for. Raises UnknownVenue, BadVenueConfig, NotOffered."""
    market = source.market
    return make_order(
        source.venue,
        Pair(market.asset, market.fiat),
        _opened(source.options),
        method=source.method or DEFAULT_METHOD,
        tag=source.pk,
    )


def source_create(*, market: Market, venue: str, **values: Any) -> MarketSource:
    """A new source, switched off unless `enabled` is given. Raises Conflict (source_exists), and
    what `source_order` raises."""
    source = MarketSource(market=market, venue=venue, **values)
    _check(source)
    source.options = _sealed(venue, source.options)
    try:
        with transaction.atomic():
            source.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            _("%(market)s has a source already.") % {"market": market.symbol}, "source_exists"
        ) from error
    return source_list().get(pk=source.pk)


def source_change(*, source: MarketSource, **values: Any) -> MarketSource:
    """Change what is given; a hidden secret in `options` stays what it was. Whatever changes, the
    next reading is due at once. Raises as `source_create` does."""
    values = source_checked(source, values)
    for name, value in values.items():
        setattr(source, name, value)
    source.next_due_at = None
    # What a reading keeps in the row is not ours: it may be changing just now.
    source.save(update_fields=[*values, "next_due_at"])
    return source_list().get(pk=source.pk)


def source_checked(source: MarketSource, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as `source_change` would store them. Raises as it does."""
    ready = dict(values)
    if "options" in ready:
        ready["options"] = _with_secrets(source, ready["options"])
    changed = copy(source)
    for name, value in ready.items():
        setattr(changed, name, value)
    _check(changed)
    if "options" in ready:
        ready["options"] = _sealed(changed.venue, ready["options"])
    return ready


def source_delete(*, source: MarketSource) -> None:
    """The source goes; the market, its quotes and its books stay."""
    source.delete()


def source_for(ref: str, *, keep: bool = True) -> MarketSource:
    """The source of the market of that symbol or id. A market that has none, or is not there yet,
    gets the venue its exchange is named after, switched off; without `keep` no row is made. Raises
    InvalidInput (bad_market, market_required, no_source)."""
    market = _market_for(ref, keep=keep)
    found = source_list().filter(market=market).first() if market.pk else None
    if found is not None:
        return found
    venue, known = market.exchange.lower(), [spec.name for spec in list_venues()]
    if venue not in known:
        raise InvalidInput(
            _("%(market)s has no source of quotes, and no venue has the name of its exchange.")
            % {"market": market.symbol},
            "no_source",
            {"market": _("known venues: %(names)s") % {"names": ", ".join(known)}},
        )
    if keep:
        return source_create(market=market, venue=venue)
    return MarketSource(market=market, venue=venue)


def _market_for(ref: str, *, keep: bool) -> Market:
    try:
        return market_get(ref)
    except NotFound:
        if keep:
            return market_get_or_create(ref)
    refuse_bad_symbol(ref)
    names = dict(zip(("asset", "fiat", "exchange"), Market.parse_symbol(ref) or (), strict=True))
    return Market(**names)


def shown_options(source: MarketSource) -> dict[str, Any]:
    """The source's options with secrets hidden."""
    secret = _secrets(source.venue)
    return {
        name: HIDDEN if name in secret and value else value
        for name, value in source.options.items()
    }


def _with_secrets(source: MarketSource, options: Any) -> Any:
    if not isinstance(options, Mapping):
        return options
    kept = {name for name in _secrets(source.venue) if options.get(name) == HIDDEN}
    stored = {name: source.options[name] for name in kept if name in source.options}
    return {**{k: v for k, v in options.items() if k not in kept}, **stored}


def _sealed(venue: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as they are stored: secrets as sealed texts, behind a mark that says so."""
    secret = _secrets(venue)
    return {
        name: SEALED + seal(value) if name in secret and value and not _is_sealed(value) else value
        for name, value in options.items()
    }


def _opened(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as a venue takes them. Raises Unavailable (secret_unreadable)."""
    if not isinstance(options, Mapping):
        return options
    return {
        name: unseal(value.removeprefix(SEALED)) if _is_sealed(value) else value
        for name, value in options.items()
    }


def _is_sealed(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(SEALED)


def _secrets(venue: str) -> set[str]:
    try:
        spec: VenueSpec = get_venue(venue)
    except InvalidInput:
        return {"headers"}
    return {f.name for f in dataclasses.fields(spec.options) if f.metadata.get("secret")}


def _check(source: MarketSource) -> None:
    problems = {}
    for name, (low, high) in _LIMITS.items():
        if not low <= getattr(source, name) <= high:
            problems[name] = _("must be between %(low)s and %(high)s") % {"low": low, "high": high}
    if not isinstance(source.options, dict):
        problems["options"] = _("must be a JSON object")
    if problems:
        raise InvalidInput(_("This source cannot be used."), "bad_source", problems)
    try:
        source_order(source)
    except InvalidInput as error:
        raise InvalidInput(
            _("This source cannot be used."), error.code, told(error.fields), **error.details
        ) from error
