"""What the page of patterns shows of one market."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from analytics.models import Market, PatternResult, PriceHistory
from analytics.models.market import derive_price

#: Grid steps of the picture: the network's own window.
STEPS = 48
#: A market quoted more often than its cadence is thinned to about so many points.
_MOST_POINTS = 240
_HISTORY = 24


@dataclass
class PatternView:
    """The newest recognition, those before it (newest first), and the average price around it."""

    market: Market
    current: PatternResult | None = None
    history: list[PatternResult] = field(default_factory=list)
    prices: list[tuple[dt.datetime, float]] = field(default_factory=list)


def pattern_view(market: Market) -> PatternView:
    """Recognitions of the version that answered last, so that the history is of one kind."""
    newest = PatternResult.objects.select_related("model").filter(market=market)
    current = newest.order_by("-as_of", "-id").first()
    if current is None:
        return PatternView(market)
    before = PatternResult.objects.filter(
        market=market, model=current.model, source=current.source, as_of__lt=current.as_of
    ).defer("analogues")
    return PatternView(
        market, current, list(before.order_by("-as_of")[:_HISTORY]), _prices(market, current)
    )


def _prices(market: Market, pattern: PatternResult) -> list[tuple[dt.datetime, float]]:
    first = pattern.as_of - dt.timedelta(minutes=STEPS * pattern.model.step_minutes)
    quotes = PriceHistory.objects.filter(
        market=market, timestamp__gt=first, timestamp__lte=pattern.as_of
    )
    rows = quotes.order_by("timestamp").values_list("timestamp", "bid", "ask", "price")
    derived = ((at, derive_price(bid, ask, price)[0]) for at, bid, ask, price in rows)
    points = [(at, float(value)) for at, value in derived if value is not None]
    step = -(-len(points) // _MOST_POINTS) or 1
    return points[::-step][::-1]
