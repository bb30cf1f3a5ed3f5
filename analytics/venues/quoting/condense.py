"""A book becomes a quote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from analytics.venues.book import Ad, Book, Side, SideQuote, VenueQuote
from analytics.venues.errors import EmptyBook, NonsensePrice
from analytics.venues.quoting.cleaning import DEFAULT_RULES, CleanRules, clean
from analytics.venues.quoting.methods import (
    DEFAULT_METHOD,
    VOLUME_STEP,
    PriceMethod,
    get_method,
    vwap,
)
from analytics.venues.texts import Text as _

#: P2P markets are often crossed (bid above ask) by a few percent; by this much no market is.
MOST_CROSSED = Decimal("0.25")
_SHARE_STEP = Decimal("0.0001")


def quote_book(
    book: Book,
    *,
    method: str = DEFAULT_METHOD,
    rules: CleanRules = DEFAULT_RULES,
    reference: Decimal | None = None,
) -> VenueQuote:
    """The quote of a book: ads are cleaned by `rules` (and by a reference price, where there is
    one), the rest becomes a price by `method`; a side without usable ads is left out.

    Raises EmptyBook where no side is left, NonsensePrice where the sides contradict each other,
    BadVenueConfig for an unknown method."""
    how = get_method(method)
    reasons = Counter(book.dropped)
    sides: dict[Side, SideQuote | None] = {}
    for side in Side:
        kept, dropped = clean(book.side(side), rules, reference)
        reasons.update(f"{side}:{reason}" for reason in dropped)
        sides[side] = condense(kept, how)
    ask, bid = sides[Side.ASK], sides[Side.BID]
    if ask is None and bid is None:
        raise EmptyBook(_("No ad of this market is usable."), dropped=dict(sorted(reasons.items())))
    if ask is not None and bid is not None and bid.price > ask.price * (1 + MOST_CROSSED):
        raise NonsensePrice(
            _("The bids lie far above the asks: sides mixed up, or bait on most of one side.")
        )
    return VenueQuote(
        venue=book.venue,
        pair=book.pair,
        taken_at=book.taken_at,
        server_time=book.server_time,
        method=method,
        ask=ask,
        bid=bid,
        notes=_notes(book, ask, bid),
        dropped=dict(sorted(reasons.items())),
    )


def condense(ads: Sequence[Ad], how: PriceMethod) -> SideQuote | None:
    """One side's figures out of its cleaned ads, best first; None where there are none."""
    if not ads:
        return None
    volume = sum((ad.quantity for ad in ads), Decimal(0))
    return SideQuote(
        price=how.take(ads),
        vwap=vwap(ads),
        volume=volume.quantize(VOLUME_STEP),
        offers=len(ads),
        concentration=_largest_share(ads, volume),
    )


def _largest_share(ads: Sequence[Ad], volume: Decimal) -> Decimal | None:
    if not volume:
        return None
    by_advertiser: Counter[str] = Counter()
    for ad in ads:
        by_advertiser[ad.advertiser_hash] += ad.quantity  # type: ignore[assignment]
    return (max(by_advertiser.values()) / volume).quantize(_SHARE_STEP)


def _notes(book: Book, ask: SideQuote | None, bid: SideQuote | None) -> tuple[str, ...]:
    notes = []
    if not book.whole:
        notes.append("partial")
    if ask is None or bid is None:
        notes.append("one_sided")
    elif bid.price > ask.price:
        notes.append("crossed")
    return tuple(notes)
