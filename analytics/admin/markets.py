"""Markets with their freshness and the verbs of the product; quotes, fast on millions."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from analytics.admin.backtests import backtest_markets
from analytics.admin.base import CappedPaginator, MarketFilter, OwnedAdmin, drawn, mark, operate
from analytics.admin.deletions import delete_quotes
from analytics.admin.training import train, train_family
from analytics.models import Market, PriceHistory
from analytics.models.choices import Task
from analytics.moments import moment
from analytics.pages.anomalies import watch
from analytics.pages.dashboard import freshness
from analytics.pages.forecasts import accuracy_lines
from analytics.pages.market import market_chart
from analytics.selectors.chart import RANGES, market_view
from analytics.selectors.prices import market_freshness, market_list
from analytics.selectors.watches import watch_state
from analytics.services.anomalies.scan import anomaly_scan
from analytics.services.forecasts.accuracy import accuracy_of
from analytics.services.forecasts.prediction import forecast_make
from analytics.services.patterns import pattern_recognize
from p2p.accounts import may


class MarketForm(forms.ModelForm):
    """Asks what services.prices.markets asks, so that saving cannot be refused."""

    cadence_minutes = forms.IntegerField(
        label=capfirst(_("cadence (minutes)")),
        min_value=1,
        max_value=1440,
        initial=30,
        help_text=_("Step of the regular grid on which new models see this market."),
    )

    cadence_chosen = forms.BooleanField(
        label=capfirst(_("cadence chosen by hand")),
        required=False,
        help_text=_("Otherwise it follows the gaps between the market's recent quotes."),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        same = {f"{name}__iexact": given.get(name) for name in ("asset", "fiat", "exchange")}
        if self.instance.pk is None and Market.objects.filter(**same).exists():
            raise forms.ValidationError(_("This market is already there."))
        if "cadence_minutes" in self.changed_data:
            # Otherwise the next quotes would set it to that of their gaps again.
            given["cadence_chosen"] = True
        return given


@admin.register(Market)
class MarketAdmin(OwnedAdmin):
    form = MarketForm
    list_display = ["symbol", "fresh", "last_quote", "age", "cadence_minutes"]
    search_fields = ["asset", "fiat", "exchange"]
    readonly_fields = ["created_at", "fresh", "last_quote", "watched", "chart", "live_accuracy"]
    fields = [
        *("asset", "fiat", "exchange", "cadence_minutes", "cadence_chosen"),
        *readonly_fields,
    ]
    actions = [
        *("train_price", "train_spread", "train_anomaly", "train_pattern", "train_all"),
        train_family,
        "forecast_now",
        "scan_now",
        "recognise_now",
        backtest_markets,
        delete_quotes,
    ]
    train_price = train(_("Train: price"), Task.PRICE)
    train_spread = train(_("Train: spread"), Task.SPREAD)
    train_anomaly = train(_("Train: anomaly"), Task.ANOMALY)
    train_pattern = train(_("Train: pattern"), Task.PATTERN)
    train_all = train(_("Train: all four"), *Task.values)

    def view_on_site(self, market: Market) -> str:
        return reverse("analytics:market", args=[market.pk])

    # What actions on markets start or delete asks what the API's lists of those things ask.
    def has_train_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "change_trainingrun")

    def has_backtest_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "change_backtestrun")

    def has_quotes_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "change_pricehistory")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_change_permission(self, request: HttpRequest, obj: Market | None = None) -> bool:
        # The cadence of new models is the operator's to choose.
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Market | None = None) -> list[str]:
        named = ["asset", "fiat", "exchange"] if obj else []
        return [*named, *self.readonly_fields]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Market]:
        return market_list().order_by("asset", "fiat", "exchange")

    @admin.display(description=_("market"), ordering="asset")
    def symbol(self, market: Market) -> str:
        return market.symbol

    @admin.display(description=_("freshness"))
    def fresh(self, market: Market) -> SafeString:
        found = self._freshness(market)
        return mark(found["state"], found["word"])

    @admin.display(description=_("last quote"))
    def last_quote(self, market: Market) -> str:
        at = self._freshness(market)["at"]
        return moment(at) if at else "–"

    @admin.display(description=_("age"))
    def age(self, market: Market) -> str:
        return self._freshness(market)["age"]

    @admin.display(description=_("last week"))
    def chart(self, market: Market) -> SafeString | str:
        view = market_view(market, RANGES["7d"]) if market.pk else None
        return drawn(market_chart(view, "7d") if view else None)

    @admin.display(description=_("anomaly watch"))
    def watched(self, market: Market) -> SafeString:
        if market.pk is None:
            return SafeString("–")
        shown = watch(watch_state(market))
        since = moment(shown["since"]) if shown["since"] else ""
        return format_html("{} {} {}", mark(shown["mark"], shown["word"]), since, shown["why"])

    @admin.display(description=_("live accuracy"))
    def live_accuracy(self, market: Market) -> SafeString:
        found = accuracy_lines(accuracy_of(market=market)) if market.pk else None
        if found is None:
            return SafeString("–")
        return render_to_string("analytics/partials/accuracy.html", {"accuracy": found})

    @staticmethod
    def _freshness(market: Market) -> dict[str, Any]:
        if market.pk is None:
            return {"at": None, "age": "–", "state": "none", "word": "–"}
        return freshness(market_freshness(market))

    @admin.action(description=_("Forecast now: price and spread"), permissions=["operate"])
    def forecast_now(self, request: HttpRequest, queryset: QuerySet[Market]) -> None:
        for task in ("price", "spread"):
            operate(
                self,
                request,
                queryset,
                lambda market, task=task: forecast_make(task=task, market=market),
            )

    @admin.action(description=_("Scan for anomalies now"), permissions=["operate"])
    def scan_now(self, request: HttpRequest, queryset: QuerySet[Market]) -> None:
        operate(self, request, queryset, lambda market: anomaly_scan(market=market))

    @admin.action(description=_("Recognise the pattern now"), permissions=["operate"])
    def recognise_now(self, request: HttpRequest, queryset: QuerySet[Market]) -> None:
        operate(self, request, queryset, lambda market: pattern_recognize(market=market))


class RecentFilter(admin.SimpleListFilter):
    """By age, once a market is chosen: only then does an index answer it."""

    title = _("age")
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        if "market" not in request.GET:
            return []
        return [("1", _("last day")), ("7", _("last week")), ("31", _("last month"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet | None:
        days = {"1": 1, "7": 7, "31": 31}.get(self.value() or "")
        if days is None:
            return None
        return queryset.filter(timestamp__gte=timezone.now() - dt.timedelta(days=days))


@admin.register(PriceHistory)
class PriceHistoryAdmin(OwnedAdmin):
    """Quotes come in by import and by the API, which check them; here they are only read."""

    list_display = ["timestamp", "market", "bid", "ask", "price", "bid_volume", "ask_volume"]
    list_filter = [MarketFilter, RecentFilter]
    list_select_related = ["market"]
    list_per_page = 100
    paginator = CappedPaginator
    sortable_by = ()

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Newest first within a market, as the index lies; over all markets the newest rows, as
        no index has their timestamps in one order."""
        return ("-timestamp",) if "market" in request.GET else ("-id",)
