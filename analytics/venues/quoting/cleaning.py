"""Which ads say something about the price, and why the others do not.

The reasons, in the order they are looked for:

duplicate       an ad seen before
offline         its advertiser is away
wrong_payment   none of the wished payment methods
not_merchant    not a verified merchant, where only those are wished
low_completion  below the wished share of completed orders
tiny            a quantity below a small share of the side's median quantity
unfillable      its smallest order is larger than what is left of it
absurd          too good to be true, or hopelessly bad, beside the best third of the side
off_reference   further from the reference price than allowed
promoted        paid for its place, and out of price order there
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from analytics.venues.book import Ad, Side

#: Turns a median absolute deviation into the standard deviation of a normal distribution.
_TO_SIGMA = Decimal("1.4826")
_GROUP = 10


@dataclass(frozen=True, kw_only=True)
class CleanRules:
    """What is wished and what is doubted. An ad is too good to be true where it beats the centre of
    its side by more than `spread_factor` robust standard deviations, but at least `tightest` and at
    most `widest`; it is hopeless beyond `hopeless`. All three are fractions of the centre."""

    payments: tuple[str, ...] = ()
    merchants_only: bool = False
    min_completion: Decimal | None = None
    tiny_share: Decimal = Decimal("0.02")
    spread_factor: Decimal = Decimal(4)
    tightest: Decimal = Decimal("0.015")
    widest: Decimal = Decimal("0.12")
    hopeless: Decimal = Decimal(1)
    off_reference: Decimal = Decimal("0.3")


#: What is doubted where nothing special is wished.
DEFAULT_RULES = CleanRules()


def clean(
    ads: Iterable[Ad], rules: CleanRules = DEFAULT_RULES, reference: Decimal | None = None
) -> tuple[tuple[Ad, ...], list[str]]:
    """(the ads of one side that count, best price first; the reason of every other)."""
    reasons: list[str] = []
    wished: list[Ad] = []
    seen: set[str] = set()
    for ad in ads:
        reason = "duplicate" if ad.ad_hash in seen else unwished(ad, rules)
        seen.add(ad.ad_hash)
        (reasons.append(reason) if reason else wished.append(ad))
    for step in (_tiny, _unfillable, _absurd):
        wished = _sift(wished, step(wished, rules), reasons)
    if reference is not None:
        far = [a for a in wished if abs(a.price / reference - 1) > rules.off_reference]
        wished = _sift(wished, (far, "off_reference"), reasons)
    wished = _sift(wished, (_out_of_order(wished), "promoted"), reasons)
    return tuple(best_first(wished)), reasons


def unwished(ad: Ad, rules: CleanRules) -> str:
    """The reason why an ad is not for this person, or nothing."""
    if ad.online is False:
        return "offline"
    if rules.payments and not takes(ad, rules.payments):
        return "wrong_payment"
    if rules.merchants_only and not ad.merchant:
        return "not_merchant"
    if rules.min_completion is not None and (ad.completion or 0) < rules.min_completion:
        return "low_completion"
    return ""


def takes(ad: Ad, payments: Sequence[str]) -> bool:
    """Whether an ad takes one of the payment methods, whatever their capitals."""
    wished = {name.casefold() for name in payments}
    return any(name.casefold() in wished for name in ad.payment_methods)


def best_first(ads: Iterable[Ad]) -> list[Ad]:
    """By price for who takes the ads, then in the venue's order."""
    return sorted(ads, key=lambda a: (a.price if a.side is Side.ASK else -a.price, a.rank))


def capacity(ad: Ad) -> Decimal:
    """The largest order an ad takes, in fiat."""
    worth = ad.price * ad.quantity
    return worth if ad.max_order is None else min(worth, ad.max_order)


def _sift(ads: list[Ad], found: tuple[Sequence[Ad], str], reasons: list[str]) -> list[Ad]:
    out, reason = found
    gone = {id(ad) for ad in out}
    reasons.extend([reason] * len(gone))
    return [ad for ad in ads if id(ad) not in gone]


def _tiny(ads: list[Ad], rules: CleanRules) -> tuple[list[Ad], str]:
    if not ads:
        return [], "tiny"
    least = median(ad.quantity for ad in ads) * rules.tiny_share
    return [ad for ad in ads if ad.quantity <= 0 or ad.quantity < least], "tiny"


def _unfillable(ads: list[Ad], rules: CleanRules) -> tuple[list[Ad], str]:
    return [ad for ad in ads if capacity(ad) < (ad.min_order or 0)], "unfillable"


def centre(best: Sequence[Ad]) -> tuple[Decimal, Decimal]:
    """(median, robust standard deviation as a fraction of it) of the best third of a side, of ten
    ads at least. The deviation is that of the worse half alone, where no bait lies: so bait is
    found as long as it is less than half of those ads. `best`: best first, at least one."""
    group = [ad.price for ad in best[: max(_GROUP, -(-len(best) // 3))]]
    middle = median(group)
    return middle, median(abs(p / middle - 1) for p in group[len(group) // 2 :]) * _TO_SIGMA


def _absurd(ads: list[Ad], rules: CleanRules) -> tuple[list[Ad], str]:
    if len(ads) < 2:
        return [], "absurd"
    middle, sigma = centre(best_first(ads))
    good = min(max(sigma * rules.spread_factor, rules.tightest), rules.widest)

    def is_absurd(ad: Ad) -> bool:
        # Above zero: better than the centre for who takes the ad; both ways by the same factor.
        ratio = middle / ad.price if ad.side is Side.ASK else ad.price / middle
        return ratio > 1 + good or ratio < 1 / (1 + rules.hopeless)

    return [ad for ad in ads if is_absurd(ad)], "absurd"


def _out_of_order(ads: list[Ad]) -> list[Ad]:
    """Promoted ads that stand where their price does not belong, between their unpromoted
    neighbours in the venue's order."""
    listed = sorted(ads, key=lambda ad: ad.rank)
    out = []
    for place, ad in enumerate(listed):
        if not ad.promoted:
            continue
        before = next((a for a in reversed(listed[:place]) if not a.promoted), None)
        after = next((a for a in listed[place + 1 :] if not a.promoted), None)
        worse_than_next = after is not None and ad.side.better(after.price, ad.price)
        better_than_last = before is not None and ad.side.better(ad.price, before.price)
        if worse_than_next or better_than_last:
            out.append(ad)
    return out
