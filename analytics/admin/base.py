"""What the admin classes share: no editing by hand, services behind actions, no COUNT on big
tables, and markup that holds under a strict CSP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cached_property, wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_permission_codename
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.exceptions import AnalyticsError
from analytics.models import BacktestRun, ImportRun, Market, TrainingRun
from analytics.pages.charts import Chart
from analytics.pages.numbers import duration
from analytics.retelling import retold
from analytics.words import stage
from p2p.accounts import may

#: Rows beyond which a list says "so many" instead of counting on.
MOST_COUNTED = 10_000
#: Digits of the largest id; a longer number names no row.
LONGEST_ID = 18
#: What draws the charts of a page, in this order.
CHART_SCRIPTS = (
    "uplot/uPlot.iife.min.js",
    "analytics/reader.js",
    "analytics/chart-drawing.js",
    "analytics/chart.js",
    "analytics/chart-page.js",
)
_RUN_STATES = {"succeeded": "good", "failed": "bad", "cancelled": "quiet"}


class CappedPaginator(Paginator):
    """Counts no further than MOST_COUNTED rows: the count of a million quotes is a scan. Older rows
    are reached by the filters."""

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[:MOST_COUNTED].count()


class OwnedAdmin(admin.ModelAdmin):
    """Of rows that a service owns: no adding, changing or deleting by hand. Actions ask for the
    change permission, which a person who may only look does not have."""

    show_full_result_count = False
    list_per_page = 50
    actions_selection_counter = True

    class Media:
        css = {"all": ["uplot/uPlot.min.css", "analytics/charts.css", "analytics/admin.css"]}
        js = [Script(name, defer=True) for name in CHART_SCRIPTS]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        # Django checks plain keys for numbers that no database counts to, and not those that are
        # another table's.
        if len(object_id) > LONGEST_ID:
            return None
        return super().get_object(request, object_id, from_field)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return may(request.user, get_permission_codename("change", self.opts))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Without this, the permission to change would no longer imply the one to look.
        return super().has_view_permission(request, obj) or self.has_operate_permission(request)


class RunAdmin(OwnedAdmin):
    """What a training run and a backtest show alike."""

    @admin.display(description=_("status"), ordering="status")
    def state(self, run: TrainingRun | BacktestRun) -> SafeString:
        text = run.get_status_display()
        if run.is_open and run.cancel_requested:
            text = _("cancelling")
        return mark(_RUN_STATES.get(run.status, ""), text)

    @admin.display(description=_("stage"))
    def doing(self, run: TrainingRun | BacktestRun | ImportRun) -> str:
        return stage(run.stage) or "–"

    @admin.display(description=_("error message"))
    def failure(self, run: TrainingRun | BacktestRun | ImportRun) -> str:
        return retold(run.error_message) or "–"

    @admin.display(description=_("took"))
    def took(self, run: TrainingRun | BacktestRun) -> str:
        return duration(run.seconds)


class MarketFilter(admin.SimpleListFilter):
    """By market; unlike the built-in one it is there with a single market too."""

    title = Market._meta.verbose_name
    parameter_name = "market"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(market.pk), market.symbol) for market in Market.objects.all()[:200]]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet | None:
        text = self.value() or ""
        if text.isdecimal() and len(text) <= LONGEST_ID:
            return queryset.filter(market=int(text))
        return queryset.none() if text else None


def by_name(field: str, name: Callable[[str], str]) -> tuple[str, type[admin.FieldListFilter]]:
    """A filter by the values of a field that are no choices, each by its name for people."""

    class Named(admin.AllValuesFieldListFilter):
        def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
            for choice in super().choices(changelist):
                yield {**choice, "display": name(str(choice["display"]))}

    return field, Named


def operate(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    rows: QuerySet | list[Any],
    verb: Callable[[Any], object],
) -> int:
    """Call a service once per row; what it refuses becomes a message, never a traceback. Answers
    how many went through, and says so."""
    done = 0
    for row in rows:
        try:
            verb(row)
        except AnalyticsError as error:
            model_admin.message_user(request, f"{row}: {retold(error.message)}", messages.ERROR)
        else:
            done += 1
    if done:
        text = ngettext("Done for %(n)d row.", "Done for %(n)d rows.", done) % {"n": done}
        model_admin.message_user(request, text, messages.SUCCESS)
    return done


Action = Callable[[Any, HttpRequest, QuerySet], HttpResponse | None]


def confirmed(question: Any) -> Callable[[Action], Action]:
    """An action that first asks, on a page that names the rows, and acts when that is answered."""

    def asking(action: Action) -> Action:
        @wraps(action)
        def asked(
            model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet
        ) -> HttpResponse | None:
            if "confirmed" in request.POST:
                return action(model_admin, request, queryset)
            context = {
                **model_admin.admin_site.each_context(request),
                "title": question,
                "opts": model_admin.opts,
                "rows": queryset,
                "action": request.POST.get("action", ""),
                "across": request.POST.get("select_across", "0"),
                "checkbox_name": ACTION_CHECKBOX_NAME,
                "media": model_admin.media,
            }
            return TemplateResponse(request, "admin/analytics/confirm.html", context)

        return asked

    return asking


def mark(state: str, text: str) -> SafeString:
    """A word in the colour of its state: good, bad or quiet."""
    return format_html('<span class="mark {}">{}</span>', state, text)


def pretty(value: Any) -> SafeString:
    """JSON for a person."""
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True, default=str)
    return format_html("<pre>{}</pre>", text) if value else SafeString("–")


def drawn(chart: Chart | None) -> SafeString | str:
    """A chart on an admin page."""
    return (
        render_to_string("analytics/partials/chart.html", {"chart": chart}) if chart else nothing()
    )


def nothing() -> str:
    """Where a result will stand once there is one."""
    return str(_("nothing yet"))
