"""What the models said, forecasts and patterns, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.functional import lazy
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import CappedPaginator, MarketFilter, OwnedAdmin, by_name, mark
from analytics.models import Forecast, ForecastScore, PatternResult
from analytics.notes import notes
from analytics.pages import patterns
from analytics.pages.forecasts import fan
from analytics.pages.metrics import metric_name
from analytics.pages.numbers import number, percent
from analytics.selectors.dashboard import forecast_is_stale
from analytics.selectors.models import forecast_list, pattern_list
from analytics.words import word, written


@admin.register(Forecast)
class ForecastAdmin(OwnedAdmin):
    list_display = ["as_of", "market", "task", "source", "name", "last", "nearest", "far", "fresh"]
    list_filter = ["task", "source", MarketFilter]
    paginator = CappedPaginator
    fields = [
        *("market", "model", "task", "source", "name", "as_of", "generated_at", "fresh"),
        *("last", "of_unit", "far", "chart", "remarks"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Forecast]:
        return forecast_list()

    @admin.display(description=_("last value"))
    def last(self, forecast: Forecast) -> str:
        return number(forecast.last_value)

    @admin.display(description=_("freshness"))
    def fresh(self, forecast: Forecast) -> SafeString:
        # The stored flag says what held when it was made; a forecast also grows old.
        old = forecast_is_stale(forecast)
        return mark("bad" if old else "good", _("stale") if old else _("fresh"))

    @admin.display(description=_("first horizon"))
    def nearest(self, forecast: Forecast) -> str:
        return number(forecast.horizons[0]["value"]) if forecast.horizons else "–"

    @admin.display(description=_("novelty"), ordering="novelty")
    def far(self, forecast: Forecast) -> str:
        return "–" if forecast.novelty is None else written(f"{forecast.novelty:.2f}")

    @admin.display(description=_("forecast"))
    def chart(self, forecast: Forecast) -> SafeString:
        shown = fan(forecast, str(forecast))
        return render_to_string("analytics/partials/fan.html", {"fan": shown})

    @admin.display(description=_("unit"))
    def of_unit(self, forecast: Forecast) -> str:
        return word(forecast.unit)

    @admin.display(description=_("notes"))
    def remarks(self, forecast: Forecast) -> str:
        return " ".join(notes(forecast.notes)) or "–"


@admin.register(PatternResult)
class PatternResultAdmin(OwnedAdmin):
    list_display = ["as_of", "market", "named", "sure", "clear", "source", "name"]
    list_filter = [by_name("label", word), "clear", "source", MarketFilter]
    paginator = CappedPaginator
    fields = [
        *("market", "model", "source", "name", "as_of", "named", "sure", "clear"),
        *("remarks", "aspects", "similar"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PatternResult]:
        return pattern_list()

    @admin.display(description=_("pattern"), ordering="label")
    def named(self, pattern: PatternResult) -> str:
        return word(pattern.label)

    @admin.display(description=_("probability"), ordering="probability")
    def sure(self, pattern: PatternResult) -> str:
        return percent(pattern.probability)

    @admin.display(description=_("notes"))
    def remarks(self, pattern: PatternResult) -> str:
        return " ".join(notes(pattern.notes)) or "–"

    @admin.display(description=_("distributions"))
    def aspects(self, pattern: PatternResult) -> SafeString:
        context = {"heads": patterns.heads(pattern), "held": patterns.held(pattern)}
        return render_to_string("analytics/partials/aspects.html", context)

    @admin.display(description=_("similar moments"))
    def similar(self, pattern: PatternResult) -> SafeString:
        context = {"analogues": patterns.analogues(pattern)}
        return render_to_string("analytics/partials/analogues.html", context)


def _figure(name: str, head: Any) -> Callable[..., str]:
    @admin.display(description=head, ordering=name)
    def shown(model_admin: admin.ModelAdmin, score: ForecastScore) -> str:
        return number(getattr(score, name))

    return shown


@admin.register(ForecastScore)
class ForecastScoreAdmin(OwnedAdmin):
    list_display = [
        *("target_at", "forecast", "steps", "was", "off", "naive_off"),
        *("distribution_off", "inside_80", "inside_90"),
    ]
    fields = list_display
    list_filter = ["steps", "forecast__task", "inside_90"]
    list_select_related = ["forecast"]
    paginator = CappedPaginator
    was = _figure("actual", _("actual"))
    off = _figure("error", _("absolute error"))
    naive_off = _figure("naive_error", _("absolute error of the last value"))
    distribution_off = _figure("crps", lazy(metric_name, str)("crps_h"))
