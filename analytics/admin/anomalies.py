"""Strange rows and the events they make up; people judge them here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import (
    CappedPaginator,
    MarketFilter,
    OwnedAdmin,
    by_name,
    drawn,
    mark,
    operate,
)
from analytics.models import AnomalyEvent, AnomalyResult, AnomalyWatch
from analytics.moments import moment
from analytics.pages.anomalies import expected_rows, watch
from analytics.pages.numbers import number, written
from analytics.pages.review.event_chart import event_chart
from analytics.selectors.anomalies import anomaly_list, event_list
from analytics.selectors.chart import event_view
from analytics.selectors.watches import WatchState, watch_state
from analytics.services.anomalies.around import event_stored
from analytics.services.anomalies.feedback import anomaly_acknowledge, anomaly_label, event_judge
from analytics.words import sentence, watch_word, word

_JUDGED = {"": "quiet", "true": "bad", "false": "good"}


class _Strange(OwnedAdmin):
    """What rows and events show alike."""

    paginator = CappedPaginator

    @admin.display(description=_("severity"), ordering="severity")
    def level(self, row: AnomalyEvent | AnomalyResult) -> SafeString:
        return format_html(
            '<span class="severity {}">{}</span>', row.severity, row.get_severity_display()
        )

    @admin.display(description=_("score"), ordering="score")
    def strangeness(self, row: AnomalyEvent | AnomalyResult) -> str:
        return written(f"{row.score:.3f}")

    @admin.display(description=_("in words"))
    def words(self, row: AnomalyEvent | AnomalyResult) -> str:
        return f"{word(row.kind)}: {sentence(row.phrases, row.text)}"

    @admin.display(description=_("observed and expected"))
    def expected_values(self, row: AnomalyEvent | AnomalyResult) -> SafeString:
        context = {"rows": expected_rows(row)}
        return render_to_string("admin/analytics/expected.html", context)


class KindFilter(admin.SimpleListFilter):
    """Kinds that there are, by their names."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = AnomalyEvent.objects.order_by("kind").values_list("kind", flat=True).distinct()
        return [(kind, word(kind)) for kind in kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class FeedbackForm(ActionForm):
    note = forms.CharField(required=False, max_length=1000, label=_("Note"))


@admin.register(AnomalyEvent)
class AnomalyEventAdmin(_Strange):
    list_display = ["began", "state", "level", "words", "judged", "market"]
    list_filter = ["is_open", "severity", "feedback", KindFilter, "source", MarketFilter]
    actions = ["judge_true", "judge_false", "take_back"]
    action_form = FeedbackForm
    fieldsets = [
        (
            None,
            {"fields": ["market", "model", "source", "state", "start", "peak", "end", "row_link"]},
        ),
        (_("What"), {"fields": ["level", "strangeness", "threshold", "words"]}),
        (_("Around it"), {"fields": ["chart"]}),
        (_("At its peak"), {"fields": ["expected_values"]}),
        (_("Feedback"), {"fields": ["judged", "note", "feedback_at", "feedback_by"]}),
        (_("Times"), {"fields": ["created_at", "updated_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnomalyEvent]:
        return event_list()

    @admin.display(description=_("start"), ordering="start")
    def began(self, event: AnomalyEvent) -> str:
        return moment(event.start)

    @admin.display(description=_("end"), ordering="end")
    def ended(self, event: AnomalyEvent) -> str:
        return moment(event.end)

    @admin.display(description=_("state"), ordering="is_open")
    def state(self, event: AnomalyEvent) -> SafeString:
        return mark("bad", _("open")) if event.is_open else mark("quiet", _("closed"))

    @admin.display(description=_("feedback"), ordering="feedback")
    def judged(self, event: AnomalyEvent) -> SafeString:
        return mark(_JUDGED[event.feedback], event.get_feedback_display())

    @admin.display(description=_("quotes"))
    def chart(self, event: AnomalyEvent) -> SafeString | str:
        return drawn(event_chart(event, event_view(event), event_stored(event).expected))

    @admin.display(description=_("rows"))
    def row_link(self, event: AnomalyEvent) -> SafeString:
        address = reverse("admin:analytics_anomalyresult_changelist")
        return format_html('<a href="{}?event__id__exact={}">{}</a>', address, event.pk, event.rows)

    @admin.action(description=_("True alarm"), permissions=["operate"])
    def judge_true(self, request: HttpRequest, queryset: QuerySet[AnomalyEvent]) -> None:
        self._judge(request, queryset, AnomalyEvent.Feedback.TRUE)

    @admin.action(description=_("False alarm"), permissions=["operate"])
    def judge_false(self, request: HttpRequest, queryset: QuerySet[AnomalyEvent]) -> None:
        self._judge(request, queryset, AnomalyEvent.Feedback.FALSE)

    @admin.action(description=_("Take the feedback back"), permissions=["operate"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[AnomalyEvent]) -> None:
        self._judge(request, queryset, AnomalyEvent.Feedback.NONE)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        context["judge"] = self.has_operate_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def _judge(self, request: HttpRequest, queryset: QuerySet, feedback: str) -> None:
        note = request.POST.get("note", "").strip() if feedback else ""
        operate(
            self,
            request,
            queryset,
            lambda event: event_judge(event=event, feedback=feedback, note=note, by=request.user),
        )


@admin.register(AnomalyWatch)
class AnomalyWatchAdmin(OwnedAdmin):
    list_display = [
        *("market", "stands", "stands_since", "why", "present", "needed"),
        *("scored_until", "score"),
    ]
    list_filter = [by_name("state", watch_word)]
    list_select_related = ["market__source", "model"]
    fields = [*list_display, "model", "source", "checked_at"]

    @admin.display(description=_("state"), ordering="state")
    def stands(self, row: AnomalyWatch) -> SafeString:
        shown = watch(self._state(row))
        return mark(shown["mark"], shown["word"])

    @admin.display(description=_("since"))
    def stands_since(self, row: AnomalyWatch) -> str:
        since = self._state(row).since
        return moment(since) if since else "–"

    @admin.display(description=_("why"))
    def why(self, row: AnomalyWatch) -> str:
        return watch(self._state(row))["why"] or "–"

    @admin.display(description=_("last score"), ordering="last_score")
    def score(self, row: AnomalyWatch) -> str:
        return number(row.last_score)

    @staticmethod
    def _state(row: AnomalyWatch) -> WatchState:
        """Asked once a row, however many columns it has."""
        if not hasattr(row, "found"):
            row.found = watch_state(row.market)
        return row.found


@admin.register(AnomalyResult)
class AnomalyResultAdmin(_Strange):
    list_display = [
        *("seen", "level", "words", "judged", "market", "strangeness"),
        *("acknowledged_at", "acknowledged_by"),
    ]
    list_filter = [
        "severity",
        "event__feedback",
        ("acknowledged_at", admin.EmptyFieldListFilter),
        "source",
        MarketFilter,
    ]
    actions = ["acknowledge", "label_true", "label_false"]
    fields = [
        *("market", "model", "event", "source", "timestamp", "level", "strangeness", "threshold"),
        *("words", "expected_values", "judged"),
        *("acknowledged_at", "acknowledged_by", "created_at"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnomalyResult]:
        return anomaly_list()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # The page of an event links to its rows.
        return lookup == "event__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("timestamp"), ordering="timestamp")
    def seen(self, anomaly: AnomalyResult) -> str:
        return moment(anomaly.timestamp)

    @admin.display(description=_("feedback"), ordering="event__feedback")
    def judged(self, anomaly: AnomalyResult) -> SafeString:
        return mark(_JUDGED[anomaly.label], anomaly.event.get_feedback_display())

    @admin.action(description=_("Acknowledge"), permissions=["operate"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[AnomalyResult]) -> None:
        operate(
            self, request, queryset, lambda row: anomaly_acknowledge(anomaly=row, by=request.user)
        )

    @admin.action(description=_("Label its event as true alarm"), permissions=["operate"])
    def label_true(self, request: HttpRequest, queryset: QuerySet[AnomalyResult]) -> None:
        self._label(request, queryset, AnomalyEvent.Feedback.TRUE)

    @admin.action(description=_("Label its event as false alarm"), permissions=["operate"])
    def label_false(self, request: HttpRequest, queryset: QuerySet[AnomalyResult]) -> None:
        self._label(request, queryset, AnomalyEvent.Feedback.FALSE)

    def _label(self, request: HttpRequest, queryset: QuerySet, label: str) -> None:
        operate(
            self,
            request,
            queryset,
            lambda row: anomaly_label(anomaly=row, label=label, by=request.user),
        )
