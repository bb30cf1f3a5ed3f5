"""Forecasts of quotes that are deleted go with them."""

from __future__ import annotations

from analytics import events
from analytics.models import Forecast, ForecastScore


@events.subscribe(events.QuotesDeleted, durable=True)
def forecasts_forget(gone: events.QuotesDeleted) -> None:
    """Delete the forecasts that started from a deleted quote, with their scores, and the scores of
    earlier ones that were measured against one: these are measured anew."""
    Forecast.objects.filter(market=gone.market_id, **gone.spoken_for("as_of")).delete()
    ForecastScore.objects.filter(
        forecast__market=gone.market_id, **gone.spoken_for("target_at")
    ).delete()
