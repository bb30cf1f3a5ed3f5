"""Sources of quotes: switched on and off, tried, with what went wrong; and the venues' states."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import MarketFilter, OwnedAdmin, mark, nothing, operate
from analytics.exceptions import InvalidInput
from analytics.models import MarketSource, VenueStatus
from analytics.moments import moment
from analytics.pages.dashboard import freshness
from analytics.pages.numbers import number
from analytics.retelling import retold
from analytics.selectors.collection import source_states, venue_list
from analytics.selectors.prices import market_freshness
from analytics.services.collection import sources
from analytics.services.collection.rounds import source_try
from analytics.venue_words import reason
from analytics.words import word


def _venues() -> list[tuple[str, str]]:
    return [(venue["name"], venue["title"]) for venue in sources.venues_described()]


class SourceForm(forms.ModelForm):
    """Asks what the service asks, so that saving cannot be refused."""

    venue = forms.ChoiceField(label=capfirst(_("venue")), choices=_venues)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["options"] = sources.shown_options(self.instance)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if self.errors:
            return given
        try:
            return {**given, **sources.source_checked(self.instance, given)}
        except InvalidInput as error:
            for name, why in error.fields.items() or [("", error.message)]:
                known = name if name in self.fields else "options"
                self.add_error(known, why if known == name else f"{name} {why}")
        return given


@admin.register(MarketSource)
class MarketSourceAdmin(OwnedAdmin):
    form = SourceForm
    list_display = ["symbol", "venue", "enabled", "fresh", "interval_seconds", "last_problem"]
    list_filter = ["enabled", "venue", MarketFilter]
    readonly_fields = ["fresh", "next_due_at", "last_success_at", "last_problem", "reasons"]
    fields = [
        *("market", "venue", "options", "method", "enabled", "interval_seconds"),
        *("keep_book_days", *readonly_fields),
    ]
    actions = ["switch_on", "switch_off", "dry_run"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*(["market"] if obj else []), *self.readonly_fields]

    def get_queryset(self, request: HttpRequest) -> QuerySet[MarketSource]:
        return source_states()

    def save_model(self, request: HttpRequest, obj: MarketSource, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        sources.source_change(source=MarketSource.objects.get(pk=obj.pk), **values)

    @admin.display(description=_("market"), ordering="market")
    def symbol(self, source: MarketSource) -> str:
        # The field itself would make the admin join the market, without its last quote.
        return source.market.symbol

    @admin.display(description=_("freshness"))
    def fresh(self, source: MarketSource) -> SafeString:
        if source.pk is None:
            return SafeString("–")
        found = freshness(market_freshness(source.market))
        return mark(found["state"], f"{found['word']} ({found['age']})")

    @admin.display(description=_("last error"))
    def last_problem(self, source: MarketSource) -> str:
        if not source.last_error_code:
            return "–"
        at = f"{moment(source.last_error_at)} · " if source.last_error_at else ""
        return f"{at}{reason(source.last_error_code)}"

    @admin.display(description=_("collection errors"))
    def reasons(self, source: MarketSource) -> Any:
        lines = [
            [f"{reason(row.code)} {retold(row.message)}", str(row.count), moment(row.last_at)]
            for row in (source.reasons.all() if source.pk else ())
        ]
        if not lines:
            return nothing()
        heads = [_("reason"), _("count"), _("last")]
        context = {"heads": heads, "lines": lines, "blocks": True}
        return render_to_string("analytics/partials/table.html", context)

    @admin.action(description=_("Switch on"), permissions=["operate"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[MarketSource]) -> None:
        self._switch(request, queryset, True)

    @admin.action(description=_("Switch off"), permissions=["operate"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[MarketSource]) -> None:
        self._switch(request, queryset, False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[MarketSource], on: bool) -> None:
        operate(self, request, queryset, lambda row: sources.source_change(source=row, enabled=on))

    @admin.action(description=_("Dry run: show what would be stored"), permissions=["operate"])
    def dry_run(self, request: HttpRequest, queryset: QuerySet[MarketSource]) -> None:
        def tell(source: MarketSource) -> None:
            found = source_try(source=source)
            figures = ", ".join(f"{word(k)} {number(v)}" for k, v in found["quote"].items())
            self.message_user(request, f"{source}: {figures}")

        operate(self, request, queryset, tell)


@admin.register(VenueStatus)
class VenueStatusAdmin(OwnedAdmin):
    list_display = ["venue", "failures", "open_until", "problem", "last_success", "held_until"]
    exclude = ["last_error"]
    readonly_fields = ["problem"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[VenueStatus]:
        return venue_list()

    @admin.display(description=_("last error"), ordering="last_error")
    def problem(self, row: VenueStatus) -> str:
        return reason(row.last_error) if row.last_error else "–"
