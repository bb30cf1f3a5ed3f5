"""Reads of what the models said."""

from __future__ import annotations

from django.db.models import QuerySet

from analytics.models import Forecast, PatternResult


def forecast_list() -> QuerySet[Forecast]:
    return Forecast.objects.select_related("market", "model").order_by("-as_of", "-id")


def pattern_list() -> QuerySet[PatternResult]:
    return PatternResult.objects.select_related("market", "model").order_by("-as_of", "-id")
