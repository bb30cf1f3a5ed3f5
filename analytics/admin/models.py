"""Versions: measured against their baselines, and the decisions about them."""

from __future__ import annotations

import datetime as dt

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import MarketFilter, OwnedAdmin, confirmed, drawn, mark, operate
from analytics.models import ModelEvent, TrainedModel
from analytics.pages import models as pages
from analytics.pages.learning import health_lines, input_table
from analytics.pages.metrics import baseline_name, metric_lines
from analytics.pages.review.versions import live_chart
from analytics.pages.runs import loss_chart
from analytics.selectors.models import is_broken, model_decision, model_list
from analytics.selectors.versions import live_daily
from analytics.services.registry.promotion import model_promote, model_retire, model_rollback
from analytics.words import word

#: Days that live figures look back on.
LIVE_DAYS = 90
_STATES = {"active": "good", "retired": "quiet"}


class ModelEventInline(admin.TabularInline):
    """The audit trail: read, never written here."""

    model = ModelEvent
    extra = 0
    can_delete = False
    fields = readonly_fields = ["at", "action", "automatic", "by", "because"]
    ordering = ["-id"]

    @admin.display(description=_("reason"))
    def because(self, event: ModelEvent) -> str:
        return event.why or "–"

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelEvent]:
        return super().get_queryset(request).select_related("by")


@admin.register(TrainedModel)
class TrainedModelAdmin(OwnedAdmin):
    list_display = [
        *("version_name", "market", "task", "state", "against_baseline", "device"),
        *("data_window", "trained_at"),
    ]
    list_filter = ["status", "task", MarketFilter]
    list_select_related = ["market"]
    actions = ["promote", "retire", "rollback"]
    inlines = [ModelEventInline]
    fieldsets = [
        (None, {"fields": ["market", "task", "family", "version", "state", "run", "card"]}),
        (_("Against the active version"), {"fields": ["comparison"]}),
        (_("Measured"), {"fields": ["against_baseline", "all_metrics", "test_from", "loss_curve"]}),
        (_("Live"), {"fields": ["live"]}),
        (
            _("Since its training"),
            {"fields": ["health", "drift_judged_at", "drifted_at", "expired_at"]},
        ),
        (_("Data"), {"fields": ["data_window", "trained_until", "step_minutes", "window"]}),
        (_("Artifact"), {"fields": ["inputs", "artifact", "checksum", "device", "trained_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrainedModel]:
        return model_list()

    @admin.display(description=_("version"), ordering="version")
    def version_name(self, model: TrainedModel) -> str:
        return str(model)

    @admin.display(description=_("status"), ordering="status")
    def state(self, model: TrainedModel) -> SafeString:
        if is_broken(model):
            return mark("bad", f"{model.get_status_display()}, {_('broken')}")
        said = [str(_("expired"))] if model.expired_at else []
        said += [str(_("drifted"))] if model.drifted_at else []
        if said:
            return mark("bad", ", ".join([str(model.get_status_display()), *said]))
        return mark(_STATES.get(model.status, ""), model.get_status_display())

    @admin.display(description=_("drift"))
    def health(self, model: TrainedModel) -> SafeString:
        context = {"lines": health_lines(model), "table": input_table(model)}
        return render_to_string("admin/analytics/drift.html", context)

    @admin.display(description=_("metric against baseline"), ordering="beats_baseline")
    def against_baseline(self, model: TrainedModel) -> SafeString:
        found = pages.against_baseline(model)
        return format_html(
            '<span class="mark {state}">{sign} {word}</span> <span title="{hint}">{metric}</span>: '
            '{score} / {baseline_score} <small class="quiet">({baseline})</small>',
            **found,
        )

    @admin.display(description=_("all metrics"))
    def all_metrics(self, model: TrainedModel) -> SafeString:
        lines = metric_lines(model.metric_names())
        context = {
            "rows": pages.metric_rows(model),
            "model": model,
            "baseline": baseline_name(model.baseline),
            "lines": lines,
        }
        return render_to_string("admin/analytics/metrics.html", context)

    @admin.display(description=_("model card"))
    def card(self, model: TrainedModel) -> SafeString:
        url = reverse("analytics:model-card", args=[model.pk])
        return format_html('<a href="{}">{}</a>', url, _("model card"))

    @admin.display(description=_("decision"))
    def comparison(self, model: TrainedModel) -> SafeString:
        found = pages.decision(model_decision(model), str(model))
        return render_to_string("admin/analytics/comparison.html", {"decision": found})

    @admin.display(description=_("live figures"))
    def live(self, model: TrainedModel) -> SafeString | str:
        since = timezone.now() - dt.timedelta(days=LIVE_DAYS)
        rows = live_daily(model.market, model.task, since=since)
        return drawn(live_chart("live-figures", rows))

    @admin.display(description=_("loss per epoch"))
    def loss_curve(self, model: TrainedModel) -> SafeString | str:
        return drawn(loss_chart(f"loss-{model.run_id}", model.run.losses))

    @admin.display(description=_("data window"))
    def data_window(self, model: TrainedModel) -> str:
        return f"{model.data_from:%Y-%m-%d} – {model.data_until:%Y-%m-%d}"

    @admin.display(description=_("input columns"))
    def inputs(self, model: TrainedModel) -> str:
        return ", ".join(map(word, model.input_columns))

    @admin.action(description=_("Promote..."), permissions=["operate"])
    def promote(
        self, request: HttpRequest, queryset: QuerySet[TrainedModel]
    ) -> HttpResponse | None:
        """First a page that asks for a reason; forcing needs one."""
        if "confirmed" in request.POST:
            reason, force = request.POST.get("reason", ""), "force" in request.POST
            operate(
                self,
                request,
                queryset,
                lambda model: model_promote(
                    model=model, by=request.user, reason=reason, force=force
                ),
            )
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": _("Promote"),
            "opts": self.opts,
            "rows": [{"model": m, **pages.against_baseline(m)} for m in queryset],
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/analytics/promote.html", context)

    @admin.action(description=_("Retire"), permissions=["operate"])
    @confirmed(_("Take these versions out of service?"))
    def retire(self, request: HttpRequest, queryset: QuerySet[TrainedModel]) -> None:
        operate(self, request, queryset, lambda model: model_retire(model=model, by=request.user))

    @admin.action(
        description=_("Roll back this market and task to the earlier version"),
        permissions=["operate"],
    )
    @confirmed(_("Roll back to the earlier versions?"))
    def rollback(self, request: HttpRequest, queryset: QuerySet[TrainedModel]) -> None:
        # Two versions of one market and task would roll back twice: that is, nowhere.
        once = {(m.market_id, m.task): m for m in queryset}
        if len(once) < len(queryset):
            self.message_user(
                request, _("Each market and task was rolled back once."), messages.INFO
            )
        operate(
            self,
            request,
            list(once.values()),
            lambda m: model_rollback(market=m.market, task=m.task, by=request.user),
        )


@admin.register(ModelEvent)
class ModelEventAdmin(OwnedAdmin):
    list_display = ["at", "version", "action", "automatic", "by", "because"]
    list_filter = ["action", "automatic"]
    list_select_related = ["by", "model__market"]
    fields = ["at", "action", "automatic", "by", "because", "model", "on_figures"]

    @admin.display(description=_("model"), ordering="label")
    def version(self, event: ModelEvent) -> str:
        return event.named

    @admin.display(description=_("reason"))
    def because(self, event: ModelEvent) -> str:
        return event.why or "–"

    @admin.display(description=_("figures"))
    def on_figures(self, event: ModelEvent) -> SafeString:
        found = pages.decision(event, event.label) if event.figures else None
        return render_to_string("admin/analytics/comparison.html", {"decision": found})
