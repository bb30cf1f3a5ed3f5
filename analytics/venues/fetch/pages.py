"""Walking the pages of one side of a book, bounded, and never believing a page blindly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from analytics.venues.book import Ad
from analytics.venues.errors import (
    CollectionError,
    NonsensePrice,
    RepeatedAds,
    ShapeChanged,
    TooManyPages,
    Truncated,
)
from analytics.venues.reading import changed
from analytics.venues.texts import Text as _

#: No market has more ads on one side; an announced total above is nonsense.
MOST_ADS = 20_000
#: Ads that cannot be read, and ads seen twice, up to these shares are dropped and counted.
UNREADABLE_SHARE = 0.1
REPEATED_SHARE = 0.5
#: The list may shrink while it is walked; below this share of the announced total it broke off.
WHOLE_SHARE = 0.7


@dataclass(frozen=True)
class Page:
    """The raw ads of one page and how many the venue says there are in all (None: not said)."""

    ads: list[Any]
    total: int | None = None


@dataclass(frozen=True)
class SideReading:
    ads: tuple[Ad, ...]
    dropped: tuple[str, ...]
    whole: bool


def walk(
    ask: Callable[[int], Page],
    read: Callable[[Mapping[str, Any], int], Ad],
    *,
    size: int,
    max_pages: int,
) -> SideReading:
    """All pages of a side, from 1, until the announced total, an empty or a short page, or
    `max_pages` (then it is not whole). `read` turns a raw ad and its place into an Ad.

    Raises TooManyPages, RepeatedAds, Truncated, and what `ask` and `read` raise."""
    raw, whole = _collect(ask, size, max_pages)
    ads, dropped = _read_all(raw, read)
    return SideReading(ads, dropped, whole)


def _collect(ask: Callable[[int], Page], size: int, max_pages: int) -> tuple[list[Any], bool]:
    """(the raw ads of all pages, whether the side ended before the bound)."""
    raw: list[Any] = []
    total: int | None = None
    for number in range(1, max_pages + 1):
        page = ask(number)
        total = page.total if page.total is not None else total
        _check_page(page, raw, size, total)
        if not page.ads:
            if total is not None and len(raw) < total * WHOLE_SHARE:
                raise Truncated(
                    _(
                        "The venue announced %(total)s ads and listed %(listed)s.",
                        total=total,
                        listed=len(raw),
                    )
                )
            return raw, True
        raw += page.ads
        if len(raw) >= total if total is not None else len(page.ads) != size:
            return raw, True
    return raw, False


def _check_page(page: Page, raw: list[Any], size: int, total: int | None) -> None:
    if total is not None and total > MOST_ADS:
        raise TooManyPages(
            _(
                "The venue announces %(total)s ads on one side; no market has that many.",
                total=total,
            )
        )
    if total is not None and page.ads and len(raw) + len(page.ads) > total + size:
        raise TooManyPages(_("The venue lists more ads than it announced."))
    if page.ads and page.ads == raw[-len(page.ads) :]:
        raise RepeatedAds(_("The venue answers with the same page again and again."))


def _read_all(
    raw: list[Any], read: Callable[[Mapping[str, Any], int], Ad]
) -> tuple[tuple[Ad, ...], tuple[str, ...]]:
    """Every ad once; where it is listed both as promoted and in its place, the place counts."""
    kept: dict[str, Ad] = {}
    dropped: list[str] = []
    first: CollectionError | None = None
    for rank, entry in enumerate(raw):
        try:
            if not isinstance(entry, Mapping):
                raise changed("ads", _("a list of objects"))
            ad = read(entry, rank)
        except (ShapeChanged, NonsensePrice) as error:
            first = first or error
            dropped.append("unreadable")
            continue
        if ad.ad_hash in kept:
            dropped.append("duplicate")
            if ad.promoted or not kept[ad.ad_hash].promoted:
                continue
        kept[ad.ad_hash] = ad
    unreadable = dropped.count("unreadable")
    if first is not None and (not kept or unreadable > max(1, len(raw) * UNREADABLE_SHARE)):
        first.details["unreadable"] = unreadable
        raise first
    if len(raw) > 2 and dropped.count("duplicate") > len(raw) * REPEATED_SHARE:
        raise RepeatedAds(_("Most ads of the venue's answer are listed more than once."))
    return tuple(sorted(kept.values(), key=lambda ad: ad.rank)), tuple(dropped)
