"""Reads of markets and their quotes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics.exceptions import InvalidInput, NotFound
from analytics.models import Market, PriceHistory
from analytics.models.direct import fetch, moment, rows_where
from analytics.selectors.glimpse import glimpse_of

#: A market quoted more often than its cadence is thinned to about so many points of a chart.
MOST_POINTS = 240

Line = list[tuple[dt.datetime, float]]


def market_list() -> QuerySet[Market]:
    """Markets with `last_quote_at`; one look into the index per market, no counting."""
    quotes = PriceHistory.objects.filter(market=OuterRef("pk")).order_by("-timestamp")
    newest = Subquery(quotes.values("timestamp")[:1])
    return Market.objects.select_related("source").annotate(last_quote_at=newest)


def market_get(ref: str | None) -> Market:
    """The market of that symbol (USDT/BOB@binance_p2p, or USDT/BOB while only one exchange has
    it) or id; None is fine while there is exactly one market.

    Raises InvalidInput (market_required) naming the choices, or NotFound (unknown_market).
    """
    ref = (ref or "").strip()
    found = _quickly(ref)
    if len(found) == 1:
        return found[0]
    if not ref:
        return _only(list(Market.objects.all()[:50]))
    found = list(_matching(ref)[:50])
    if found:
        return _only(found)
    raise NotFound(
        _("There is no market %(ref)s.") % {"ref": ref},
        "unknown_market",
        {"market": _("known: %(names)s") % {"names": _names(list(Market.objects.all()[:50]))}},
    )


def _quickly(ref: str) -> list[Market]:
    """The markets that the reference means, two at most; none where a slower look has to say it.
    The compiler of a queryset takes longer than these queries."""
    if not ref:
        return rows_where(Market, "TRUE LIMIT 2", [])
    parts = Market.parse_symbol(ref)
    if parts is None or not ref.isascii():
        return []
    where = [
        f"UPPER({name}) = UPPER(%s)"
        for name, part in zip(("asset", "fiat", "exchange"), parts, strict=True)
        if part is not None
    ]
    known = [part for part in parts if part is not None]
    return rows_where(Market, f"{' AND '.join(where)} LIMIT 2", known)


def market_known(ref: str) -> Market | None:
    """The market of that symbol or id, if there is exactly one."""
    found = list(_matching(ref.strip())[:2])
    return found[0] if len(found) == 1 else None


def _matching(ref: str) -> QuerySet[Market]:
    if ref.isascii() and ref.isdigit() and len(ref) < 19:
        return Market.objects.filter(pk=int(ref))
    parts = Market.parse_symbol(ref)
    if parts is None:
        return Market.objects.none()
    asset, fiat, exchange = parts
    found = Market.objects.filter(asset__iexact=asset, fiat__iexact=fiat)
    return found.filter(exchange__iexact=exchange) if exchange else found


def _only(markets: list[Market]) -> Market:
    if len(markets) == 1:
        return markets[0]
    if not markets:
        raise InvalidInput(
            _("There is no market yet. Import quotes: manage.py import_prices FILE"),
            "no_market",
            {"market": _("none is known")},
        )
    raise InvalidInput(
        _("Say which market."),
        "market_required",
        {"market": _("choose one of: %(names)s") % {"names": _names(markets)}},
    )


def _names(markets: list[Market]) -> str:
    return ", ".join(market.symbol for market in markets) or "-"


def market_freshness(market: Market, *, now: dt.datetime | None = None) -> dict[str, Any]:
    """When the last quote came, its age in minutes, and whether it is too old to speak for now."""
    # One out of `market_list` is not asked for again.
    last = market.last_quote_at if hasattr(market, "last_quote_at") else newest_moment(market)
    if last is None:
        return {"last_quote_at": None, "age_minutes": None, "stale": True}
    age = ((now or timezone.now()) - last).total_seconds() / 60
    stale = age > freshness_limit(market)
    return {"last_quote_at": last, "age_minutes": round(age, 1), "stale": stale}


def freshness_limit(market: Market) -> float:
    """Minutes after which the last quote is too old to speak for now: the limit of the market's
    grid, and where it is collected three missed readings (ten minutes at least)."""
    limit = float(ml.staleness_limit(market.cadence_minutes))
    source = getattr(market, "source", None)
    if source is None or not source.enabled:
        return limit
    return min(limit, max(10.0, 3 * source.interval_seconds / 60))


def staleness(step_minutes: int) -> dt.timedelta:
    """How old a quote may be to speak for now on a grid of that step."""
    return dt.timedelta(minutes=ml.staleness_limit(step_minutes))


def market_level(market: Market) -> float | None:
    """About what the market's price is: that of its newest quote."""
    quotes = PriceHistory.objects.filter(market=market).order_by("-timestamp")
    newest = quotes.first()
    return None if newest is None else newest.avg_price or newest.bid or newest.ask


class Counters(NamedTuple):
    """Of a market, as in `Market`: every write of quotes, and writes that changed what was there
    before the newest one."""

    revision: int
    rewrites: int


def market_counters(market: Market) -> Counters:
    """As they stand in the database now. Asked before quotes are read, they belong to these quotes
    or to earlier ones: what is written in between is noticed the next time."""
    if seen := glimpse_of(market.pk):
        return Counters(*seen.counters)
    found = fetch(_COUNTERS, [market.pk])
    return Counters(*found[0]) if found else Counters(0, 0)


#: Asked several times per answer: the compiler of a queryset takes longer than the query.
_COUNTERS = f"SELECT revision, rewrites FROM {Market._meta.db_table} WHERE id = %s"  # noqa: S608
_MOMENT = (
    f"SELECT timestamp FROM {PriceHistory._meta.db_table} WHERE market_id = %s "  # noqa: S608
    "ORDER BY timestamp"
)


def newest_moment(market: Market) -> dt.datetime | None:
    """Time of the market's last quote."""
    if seen := glimpse_of(market.pk):
        return seen.last
    found = fetch(f"{_MOMENT} DESC LIMIT 1", [market.pk])
    return moment(found[0][0]) if found else None


def moment_before(market: Market, at: dt.datetime) -> dt.datetime | None:
    """Time of the market's last quote at or before `at`."""
    seen = glimpse_of(market.pk)
    if seen is not None and at in seen.before:
        return seen.before[at]
    quotes = PriceHistory.objects.filter(market=market, timestamp__lte=at).order_by("-timestamp")
    return quotes.values_list("timestamp", flat=True).first()


def oldest_moment(market: Market) -> dt.datetime | None:
    """Time of the market's first quote."""
    found = fetch(f"{_MOMENT} LIMIT 1", [market.pk])
    return moment(found[0][0]) if found else None


def thinned(values: Iterable[tuple[dt.datetime, float | None]]) -> Line:
    """The known ones of (moment, value); of more than MOST_POINTS only every so many, the last one
    among them."""
    points = [(at, float(value)) for at, value in values if value is not None]
    step = -(-len(points) // MOST_POINTS) or 1
    return points[::-step][::-1]


def price_list() -> QuerySet[PriceHistory]:
    return PriceHistory.objects.select_related("market").order_by("-timestamp")
