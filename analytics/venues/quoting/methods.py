"""How the ads of one side become one price. Methods register by name, like venues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from analytics.venues.book import Ad
from analytics.venues.errors import BadVenueConfig
from analytics.venues.texts import Text as _

DEFAULT_METHOD = "naive"
#: Digits after the point that are kept of a price (the stored figure's) and of a volume.
PRICE_STEP, VOLUME_STEP = Decimal("1e-10"), Decimal("1e-8")


@dataclass(frozen=True)
class PriceMethod:
    """`take` gets the cleaned ads of a side, best price first, at least one."""

    name: str
    title: str
    take: Callable[[Sequence[Ad]], Decimal]


def naive(ads: Sequence[Ad]) -> Decimal:
    """The most frequent price within the best tenth of the offers; of equally frequent ones the
    best. As the recorded USDT/BOB series has it (project mauforonda/dolares)."""
    best = [ad.price for ad in ads[: max(1, len(ads) // 10)]]
    # Counter keeps the order of first sight, so ties go to the better price.
    return Counter(best).most_common(1)[0][0]


def median_first(ads: Sequence[Ad]) -> Decimal:
    """The median of the best 20 offers, as the recorded USDT/VES series has it."""
    return median(ad.price for ad in ads[:20])


def near_median(ads: Sequence[Ad]) -> Decimal:
    """The best price within 1 % of the median of the best ten offers, as the recorded USDT/USD
    series has it."""
    middle = median(ad.price for ad in ads[:10])
    return next(
        (ad.price for ad in ads if abs(ad.price / middle - 1) <= Decimal("0.01")),
        middle,
    )


def vwap(ads: Sequence[Ad]) -> Decimal:
    """The mean over the whole side, weighted by quantity: on a long side far from its best."""
    volume = sum((ad.quantity for ad in ads), Decimal(0))
    if not volume:
        return median(ad.price for ad in ads)
    worth = sum((ad.price * ad.quantity for ad in ads), Decimal(0))
    return (worth / volume).quantize(PRICE_STEP).normalize() + 0


METHODS = {
    method.name: method
    for method in (
        PriceMethod("naive", "Most frequent price within the best 10 % of the offers", naive),
        PriceMethod("median_first", "Median of the best 20 offers", median_first),
        PriceMethod("near_median", "Best price within 1 % of the median of ten", near_median),
        PriceMethod("vwap", "Volume-weighted mean of the whole side", vwap),
    )
}


def get_method(name: str) -> PriceMethod:
    """Raises BadVenueConfig, naming the choices."""
    if name not in METHODS:
        raise BadVenueConfig(
            _("No method %(name)r; known are %(known)s.", name=name, known=", ".join(METHODS)),
            fields={"method": _("must be one of %(choices)s", choices=", ".join(METHODS))},
        )
    return METHODS[name]
