"""Pages of markets that nothing was trained for: what their baseline says, in rows of no table."""

from __future__ import annotations

from collections.abc import Iterable

from analytics.exceptions import AnalyticsError
from analytics.models import Forecast, PatternResult
from analytics.models.choices import Task
from analytics.selectors.dashboard import Card
from analytics.services.forecasts.prediction import forecast_untrained
from analytics.services.patterns import pattern_untrained


def cards_fill(cards: Iterable[Card]) -> None:
    """Put the baseline's forecasts and pattern where a market has no version that could have made
    any, and too few quotes for one; named as the baseline's."""
    for card in cards:
        if card.last is None:
            continue
        if card.price is None and card.models[Task.PRICE] is None:
            card.price = _forecast(card, Task.PRICE)
        if card.spread is None and card.models[Task.SPREAD] is None:
            card.spread = _forecast(card, Task.SPREAD)
        if card.pattern is None and card.models[Task.PATTERN] is None:
            card.pattern = _pattern(card)


def _forecast(card: Card, task: str) -> Forecast | None:
    try:
        return forecast_untrained(task=task, market=card.market)
    except AnalyticsError:  # one side only, two quotes: the page says that there is none yet
        return None


def _pattern(card: Card) -> PatternResult | None:
    try:
        return pattern_untrained(market=card.market)
    except AnalyticsError:
        return None
