"""Deleting a market's quotes, and the trail of who did."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import MarketFilter, OwnedAdmin
from analytics.exceptions import AnalyticsError, Conflict
from analytics.models import Market, PriceDeletion
from analytics.services.prices.deleting import prices_delete


class RangeForm(forms.Form):
    """Which quotes; as long as nobody typed how many they are, the service says so."""

    start = forms.DateTimeField(
        label=_("from"),
        required=False,
        help_text=_("Included, in the zone named above; empty: from the first quote."),
    )
    end = forms.DateTimeField(
        label=_("to"),
        required=False,
        help_text=_("Included, in the zone named above; empty: to the last quote."),
    )
    confirm = forms.IntegerField(
        label=_("number of quotes"),
        required=False,
        min_value=0,
        help_text=_("Leave it empty to learn it; type it to delete them."),
    )


@admin.action(description=_("Delete quotes..."), permissions=["quotes"])
def delete_quotes(
    model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet[Market]
) -> HttpResponse | None:
    """First a page that asks for the range, then how many, of one market."""
    markets = list(queryset[:2])
    if len(markets) != 1:
        message = _("Choose one market: its quotes are deleted by range.")
        model_admin.message_user(request, message, messages.ERROR)
        return None
    form = RangeForm(request.POST if "confirmed" in request.POST else None)
    found = problem = ""
    if form.is_valid():
        try:
            gone = prices_delete(market=markets[0], by=request.user, **form.cleaned_data)
        except Conflict as asked:
            found = asked.message
        except AnalyticsError as error:
            problem = error.message
        else:
            text = _("%(count)s quotes of %(market)s were deleted.")
            told = text % {"count": gone.rows, "market": gone.label}
            model_admin.message_user(request, told, messages.SUCCESS)
            return None
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Delete quotes"),
        "opts": model_admin.opts,
        "form": form,
        "market": markets[0],
        "found": found,
        "problem": problem,
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "media": model_admin.media,
    }
    return TemplateResponse(request, "admin/analytics/delete_quotes.html", context)


@admin.register(PriceDeletion)
class PriceDeletionAdmin(OwnedAdmin):
    """The audit trail: read, never written here."""

    list_display = ["at", "label", "first", "last", "rows", "by"]
    list_filter = [MarketFilter]
    list_select_related = ["by"]
    fields = ["label", "start", "end", "first", "last", "rows", "by", "at"]
