"""Venues register where they are defined; everyone else asks here by name.

A new venue is one file in `adapters/` that calls `register`: nothing else names it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, Generic, TypeVar

from analytics.venues.book import Book, Pair, Side, VenueQuote
from analytics.venues.errors import UnknownVenue
from analytics.venues.fetch.client import VenueClient
from analytics.venues.identity import Identities
from analytics.venues.options import VenueOptions
from analytics.venues.texts import Text as _

OptionsT = TypeVar("OptionsT", bound=VenueOptions, covariant=True)


class Offer(StrEnum):
    """What a venue answers: its ads, a finished quote, or a price to compare others with."""

    BOOK = "book"
    QUOTE = "quote"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Visit(Generic[OptionsT]):
    """One reading of one market: all that an adapter needs and all that it may use."""

    venue: str
    pair: Pair
    options: OptionsT
    client: VenueClient
    identities: Identities

    def url(self, own: str, path: str) -> str:
        """A path below the venue's own address, or below the one the options name."""
        return (self.options.base_url or own).rstrip("/") + path


@dataclass(frozen=True, kw_only=True)
class VenueSpec:
    """A venue: how it is read, what it calls a side (for `asks` and `bids`, as the request says
    it), the seconds between two requests, and what its terms say, in one sentence each."""

    name: str
    title: str
    options: type[VenueOptions]
    book: Callable[[Visit[Any]], Book] | None = None
    quote: Callable[[Visit[Any]], VenueQuote] | None = None
    reference: bool = False
    sides: Mapping[Side, str] = field(default_factory=dict)
    interval: float = 1.0
    max_bytes: int = 4_000_000
    request: str = ""
    fields: str = ""
    terms: str = ""

    @property
    def offers(self) -> frozenset[Offer]:
        kinds = {Offer.BOOK: self.book, Offer.QUOTE: self.quote, Offer.REFERENCE: self.reference}
        return frozenset(kind for kind, there in kinds.items() if there)


_VENUES: dict[str, VenueSpec] = {}


def register(spec: VenueSpec) -> VenueSpec:
    """Make a venue known. A repeated name is a programming error: ValueError."""
    if spec.name in _VENUES:
        raise ValueError(f"a venue named {spec.name!r} is already registered")
    if spec.book is None and spec.quote is None:
        raise ValueError(f"the venue {spec.name!r} answers nothing")
    _VENUES[spec.name] = spec
    return spec


@contextmanager
def registered(spec: VenueSpec) -> Iterator[VenueSpec]:
    """The venue is known inside the block only: for trying one out, and for tests."""
    register(spec)
    try:
        yield spec
    finally:
        del _VENUES[spec.name]


@cache
def _walk_adapters() -> None:
    from analytics.venues import adapters

    for module in pkgutil.iter_modules(adapters.__path__, adapters.__name__ + "."):
        importlib.import_module(module.name)


def list_venues(offer: str | None = None) -> tuple[VenueSpec, ...]:
    """Every venue (that answers `offer`), by name."""
    _walk_adapters()
    found = (spec for spec in _VENUES.values() if offer is None or offer in spec.offers)
    return tuple(sorted(found, key=lambda spec: spec.name))


def get_venue(name: str) -> VenueSpec:
    """Raises UnknownVenue, naming the choices."""
    found = {spec.name: spec for spec in list_venues()}.get(name)
    if found is None:
        known = ", ".join(spec.name for spec in list_venues())
        raise UnknownVenue(
            _("No venue %(name)r; known are %(known)s.", name=name, known=known),
            fields={"venue": known},
        )
    return found
