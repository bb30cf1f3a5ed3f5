"""What the models said: forecasts, anomalies, patterns."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics import charts, presenters, presenters_pattern
from analytics.admin.base import CappedPaginator, MarketFilter, OwnedAdmin, mark, operate
from analytics.models import AnomalyResult, Forecast, PatternResult
from analytics.selectors.dashboard import forecast_is_stale
from analytics.selectors.results import anomaly_list, forecast_list, pattern_list
from analytics.services.anomalies import anomaly_acknowledge, anomaly_label
from analytics.words import word


@admin.register(Forecast)
class ForecastAdmin(OwnedAdmin):
    list_display = ["as_of", "market", "task", "source", "name", "last", "nearest", "fresh"]
    list_filter = ["task", "source", MarketFilter]
    paginator = CappedPaginator
    fields = [
        *("market", "model", "task", "source", "name", "as_of", "generated_at", "fresh"),
        *("last", "unit", "chart", "remarks"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Forecast]:
        return forecast_list()

    @admin.display(description=_("last value"))
    def last(self, forecast: Forecast) -> str:
        return charts.number(forecast.last_value)

    @admin.display(description=_("freshness"))
    def fresh(self, forecast: Forecast) -> SafeString:
        # The stored flag says what held when it was made; a forecast also grows old.
        old = forecast_is_stale(forecast)
        return mark("bad" if old else "good", _("stale") if old else _("fresh"))

    @admin.display(description=_("first horizon"))
    def nearest(self, forecast: Forecast) -> str:
        return charts.number(forecast.horizons[0]["value"]) if forecast.horizons else "–"

    @admin.display(description=_("forecast"))
    def chart(self, forecast: Forecast) -> SafeString:
        shown = presenters.fan(forecast, [], str(forecast))
        return render_to_string("analytics/partials/fan.html", {"fan": shown})

    @admin.display(description=_("notes"))
    def remarks(self, forecast: Forecast) -> str:
        return " ".join(forecast.notes) or "–"


@admin.register(AnomalyResult)
class AnomalyResultAdmin(OwnedAdmin):
    list_display = [
        *("timestamp", "market", "level", "strangeness", "kind_name", "text"),
        *("label", "acknowledged_at", "acknowledged_by"),
    ]
    list_filter = [
        "severity",
        "label",
        ("acknowledged_at", admin.EmptyFieldListFilter),
        "source",
        MarketFilter,
    ]
    paginator = CappedPaginator
    actions = ["acknowledge", "label_true", "label_false"]
    fields = [
        *(
            "market",
            "model",
            "source",
            "timestamp",
            "level",
            "strangeness",
            "threshold",
            "kind_name",
        ),
        *("text", "expected_values", "label", "acknowledged_at", "acknowledged_by", "created_at"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnomalyResult]:
        return anomaly_list()

    @admin.display(description=_("severity"), ordering="severity")
    def level(self, anomaly: AnomalyResult) -> SafeString:
        return format_html(
            '<span class="severity {}">{}</span>', anomaly.severity, anomaly.get_severity_display()
        )

    @admin.display(description=_("score"), ordering="score")
    def strangeness(self, anomaly: AnomalyResult) -> str:
        return f"{anomaly.score:.3f}"

    @admin.display(description=_("observed and expected"))
    def expected_values(self, anomaly: AnomalyResult) -> SafeString:
        context = {"rows": presenters.expected_rows(anomaly)}
        return render_to_string("admin/analytics/expected.html", context)

    @admin.action(description=_("Acknowledge"), permissions=["operate"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[AnomalyResult]) -> None:
        operate(
            self, request, queryset, lambda row: anomaly_acknowledge(anomaly=row, by=request.user)
        )

    @admin.action(description=_("Label as true alarm"), permissions=["operate"])
    def label_true(self, request: HttpRequest, queryset: QuerySet[AnomalyResult]) -> None:
        self._label(request, queryset, AnomalyResult.Label.TRUE)

    @admin.action(description=_("Label as false alarm"), permissions=["operate"])
    def label_false(self, request: HttpRequest, queryset: QuerySet[AnomalyResult]) -> None:
        self._label(request, queryset, AnomalyResult.Label.FALSE)

    @admin.display(description=_("kind"), ordering="kind")
    def kind_name(self, anomaly: AnomalyResult) -> str:
        return word(anomaly.kind)

    def _label(self, request: HttpRequest, queryset: QuerySet, label: str) -> None:
        operate(
            self,
            request,
            queryset,
            lambda row: anomaly_label(anomaly=row, label=label, by=request.user),
        )


@admin.register(PatternResult)
class PatternResultAdmin(OwnedAdmin):
    list_display = ["as_of", "market", "named", "sure", "clear", "source", "name"]
    list_filter = ["label", "clear", "source", MarketFilter]
    paginator = CappedPaginator
    fields = [
        *("market", "model", "source", "name", "as_of", "named", "sure", "clear"),
        *("aspects", "similar"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PatternResult]:
        return pattern_list()

    @admin.display(description=_("pattern"), ordering="label")
    def named(self, pattern: PatternResult) -> str:
        return word(pattern.label)

    @admin.display(description=_("probability"), ordering="probability")
    def sure(self, pattern: PatternResult) -> str:
        return presenters.percent(pattern.probability)

    @admin.display(description=_("distributions"))
    def aspects(self, pattern: PatternResult) -> SafeString:
        context = {"heads": presenters.heads(pattern), "held": presenters_pattern.held(pattern)}
        return render_to_string("analytics/partials/aspects.html", context)

    @admin.display(description=_("similar moments"))
    def similar(self, pattern: PatternResult) -> SafeString:
        context = {"analogues": presenters_pattern.analogues(pattern)}
        return render_to_string("analytics/partials/analogues.html", context)
