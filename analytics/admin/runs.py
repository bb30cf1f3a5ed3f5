"""Training runs and the workers that do them: how far they are, why they failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import (
    MarketFilter,
    OwnedAdmin,
    RunAdmin,
    confirmed,
    drawn,
    operate,
    pretty,
)
from analytics.models import TrainingRun, WorkerHeartbeat
from analytics.pages import runs
from analytics.pages.audit import audit_lines, audit_rows
from analytics.pages.learning import why
from analytics.pages.review.versions import run_line
from analytics.retelling import retold
from analytics.selectors.runs import run_list
from analytics.services.jobs.lifecycle import job_cancel


@admin.register(TrainingRun)
class TrainingRunAdmin(RunAdmin):
    list_display = ["id", "market", "task", "family", "state", "bar", "left", "created_at", "took"]
    list_filter = ["status", "task", "reason", MarketFilter]
    actions = ["cancel"]
    fieldsets = [
        (None, {"fields": ["market", "task", "family", "state", "error_code", "failure"]}),
        (
            _("Progress"),
            {"fields": ["bar", "left", "doing", "epoch", "epochs", "loss_curve", "heartbeat_at"]},
        ),
        (
            _("Data"),
            {
                "fields": [
                    "data_from",
                    "data_until",
                    "row_count",
                    "labels",
                    "dataset_hash",
                    "learned_from",
                    "audit_report",
                ]
            },
        ),
        (
            _("How"),
            {"fields": ["configuration", "seed", "device", "device_wish", "libraries", "attempts"]},
        ),
        (
            _("Times"),
            {"fields": ["created_at", "started_at", "finished_at", "took"]},
        ),
        (_("Asked for"), {"fields": ["requested_by", "because"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrainingRun]:
        return run_list()

    @admin.display(description=_("progress"))
    def bar(self, run: TrainingRun) -> SafeString:
        # The epochs are those of the fit at hand; of a run that ended they tell nothing.
        epochs = f"{run.epoch}/{run.epochs}" if run.is_open else ""
        return format_html(
            '<progress max="100" value="{0}" aria-label="{1}">{0} %</progress> {2}',
            *(runs.run(run)["percent"], _("progress"), epochs),
        )

    @admin.display(description=_("time left"))
    def left(self, run: TrainingRun) -> str:
        return runs.run(run)["eta"] or "–"

    @admin.display(description=_("loss per epoch"))
    def loss_curve(self, run: TrainingRun) -> SafeString | str:
        chart = runs.loss_chart(f"loss-{run.pk}", run.losses)
        if chart is not None and run.is_open:
            chart = replace(chart, url=reverse("analytics:model-losses", args=[run.pk]))
        return drawn(chart)

    def view_on_site(self, run: TrainingRun) -> str:
        return reverse("analytics:model-run", args=[run.pk])

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        context["run_line"] = run_line(kwargs["obj"])
        context["operates"] = self.has_operate_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("data audit"))
    def audit_report(self, run: TrainingRun) -> SafeString:
        if not run.audit:
            return SafeString("–")
        context = {"rows": audit_rows(run.audit), "lines": audit_lines(run.audit)}
        return render_to_string("admin/analytics/audit.html", context)

    @admin.display(description=_("other markets"))
    def learned_from(self, run: TrainingRun) -> str:
        return "; ".join(": ".join(row) for row in runs.other_markets(run.others)) or "–"

    @admin.display(description=_("why it was trained anew"))
    def because(self, run: TrainingRun) -> str:
        return why(run.reason, run.reason_figures) if run.reason else "–"

    @admin.display(description=_("configuration"))
    def configuration(self, run: TrainingRun) -> SafeString:
        return pretty(run.config)

    @admin.display(description=_("library versions"))
    def libraries(self, run: TrainingRun) -> SafeString:
        return pretty(run.versions)

    @admin.action(description=_("Cancel"), permissions=["operate"])
    @confirmed(_("Cancel these runs?"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[TrainingRun]) -> None:
        operate(self, request, queryset, lambda run: job_cancel(run=run, by=request.user))


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(OwnedAdmin):
    list_display = [
        *("name", "cluster", "pid", "started_at", "seen_at", "answered_at", "restarts"),
        *("restarted_at", "because"),
    ]
    fields = [*list_display, "device_report"]

    @admin.display(description=_("why"))
    def because(self, worker: WorkerHeartbeat) -> str:
        return retold(worker.restart_reason) or "–"

    @admin.display(description=_("device"))
    def device_report(self, worker: WorkerHeartbeat) -> SafeString:
        return pretty(worker.device)
