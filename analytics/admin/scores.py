"""What became of the forecasts."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from analytics.admin.base import CappedPaginator, OwnedAdmin
from analytics.models import ForecastScore


@admin.register(ForecastScore)
class ForecastScoreAdmin(OwnedAdmin):
    list_display = [
        *("target_at", "forecast", "steps", "actual", "error", "naive_error", "crps"),
        *("inside_80", "inside_90"),
    ]
    list_filter = ["steps", "forecast__task", "inside_90"]
    paginator = CappedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[ForecastScore]:
        return ForecastScore.objects.select_related("forecast")
