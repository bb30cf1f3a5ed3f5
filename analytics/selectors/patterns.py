"""What the page of patterns shows of one market."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import ml
from analytics.models import Market, PatternResult, PriceHistory
from analytics.models.market import derive_price
from analytics.selectors.prices import Line, thinned

#: Grid steps of the picture: the network's own window.
STEPS = 48
_HISTORY = 24


@dataclass
class PatternView:
    """The newest recognition, those before it (newest first), and the average price around it."""

    market: Market
    current: PatternResult | None = None
    history: list[PatternResult] = field(default_factory=list)
    prices: Line = field(default_factory=list)


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


def _prices(market: Market, pattern: PatternResult) -> Line:
    first = pattern.as_of - dt.timedelta(minutes=STEPS * pattern.model.step_minutes)
    quotes = PriceHistory.objects.filter(
        market=market, timestamp__gt=first, timestamp__lte=pattern.as_of
    )
    rows = quotes.order_by("timestamp").values_list("timestamp", *ml.PRICE_COLUMNS)
    return thinned((at, derive_price(*prices)[0]) for at, *prices in rows)
