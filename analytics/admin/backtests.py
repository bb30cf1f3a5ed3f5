"""Backtests: how far they are, what came out, and the report behind a link."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import MarketFilter, RunAdmin, confirmed, nothing, operate, pretty
from analytics.models import BacktestRun, Market
from analytics.pages.backtests import backtest_table
from analytics.selectors.runs import backtest_list
from analytics.services.jobs.backtests import backtest_again, backtest_recent
from analytics.services.jobs.lifecycle import job_cancel
from analytics.words import stage


@admin.action(description=_("Backtest price and spread: last 30 days"), permissions=["backtest"])
def backtest_markets(
    model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet[Market]
) -> None:
    """For the list of markets; runs in the worker."""
    for task in BacktestRun.Task.values:
        operate(
            model_admin,
            request,
            queryset,
            lambda market, task=task: backtest_recent(
                market=market, task=task, requested_by=request.user
            ),
        )


@admin.register(BacktestRun)
class BacktestRunAdmin(RunAdmin):
    list_display = ["id", "market", "task", "family", "start", "end", "state", "bar", "files"]
    list_filter = ["status", "task", MarketFilter]
    actions = ["cancel", "again"]
    fieldsets = [
        (None, {"fields": ["market", "task", "family", "start", "end", "state", "error_code"]}),
        (_("Result"), {"fields": ["files", "table", "failure"]}),
        (_("Progress"), {"fields": ["bar", "doing", "heartbeat_at", "attempts"]}),
        (
            _("How"),
            {"fields": ["step_minutes", "refit_every", "origin_step", "configuration"]},
        ),
        (
            _("Times"),
            {"fields": ["created_at", "started_at", "finished_at", "took", "requested_by"]},
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BacktestRun]:
        return backtest_list()

    @admin.display(description=_("progress"))
    def bar(self, run: BacktestRun) -> SafeString:
        percent = round(100 * run.progress)
        return format_html(
            '<progress max="100" value="{0}" aria-label="{1}">{0} %</progress> {0} % {2}',
            *(percent, _("progress"), stage(run.stage)),
        )

    @admin.display(description=_("files"))
    def files(self, run: BacktestRun) -> Any:
        if not run.folder:
            return nothing()
        names = {"report": _("report"), "chart": _("charts"), "predictions": _("predictions")}
        links = [(reverse(f"api:backtest-{n}", args=[run.pk]), word) for n, word in names.items()]
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    @admin.display(description=_("figures (clean targets)"))
    def table(self, run: BacktestRun) -> Any:
        heads, lines = backtest_table(run.figures)
        if not lines:
            return nothing()
        context = {"heads": heads, "lines": lines}
        return render_to_string("analytics/partials/table.html", context)

    @admin.display(description=_("parameters"))
    def configuration(self, run: BacktestRun) -> SafeString:
        return pretty(run.params)

    @admin.action(description=_("Cancel"), permissions=["operate"])
    @confirmed(_("Cancel these runs?"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[BacktestRun]) -> None:
        operate(self, request, queryset, lambda run: job_cancel(run=run, by=request.user))

    @admin.action(description=_("Run again"), permissions=["operate"])
    def again(self, request: HttpRequest, queryset: QuerySet[BacktestRun]) -> None:
        operate(
            self, request, queryset, lambda run: backtest_again(run=run, requested_by=request.user)
        )
