"""Imports of files: how far they are, what came of them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import RunAdmin, operate, pretty
from analytics.models import ImportRun
from analytics.pages.runs import import_report
from analytics.selectors.runs import import_list
from analytics.services.jobs.lifecycle import job_cancel


@admin.register(ImportRun)
class ImportRunAdmin(RunAdmin):
    list_display = ["id", "name", "state", "bar", "requested_by", "created_at", "took"]
    list_filter = ["status"]
    actions = ["cancel"]
    fieldsets = [
        (None, {"fields": ["name", "size", "state", "error_code", "failure", "page"]}),
        (_("Progress"), {"fields": ["bar", "doing", "done", "heartbeat_at", "attempts"]}),
        (_("How"), {"fields": ["chosen", "language"]}),
        (_("Result"), {"fields": ["told"]}),
        (
            _("Times"),
            {"fields": ["created_at", "started_at", "finished_at", "took", "requested_by"]},
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportRun]:
        return import_list()

    @admin.display(description=_("progress"))
    def bar(self, run: ImportRun) -> SafeString:
        percent = round(100 * run.progress)
        return format_html(
            '<progress max="100" value="{0}" aria-label="{1}">{0} %</progress> {0} %',
            *(percent, _("progress")),
        )

    @admin.display(description=_("page"))
    def page(self, run: ImportRun) -> SafeString:
        return format_html('<a href="{0}">{0}</a>', reverse("analytics:import-run", args=[run.pk]))

    @admin.display(description=_("options"))
    def chosen(self, run: ImportRun) -> SafeString:
        return pretty(run.options)

    @admin.display(description=_("report"))
    def told(self, run: ImportRun) -> SafeString:
        return pretty(import_report(run.report))

    @admin.action(description=_("Cancel"), permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[ImportRun]) -> None:
        operate(self, request, queryset, lambda run: job_cancel(run=run, by=request.user))
