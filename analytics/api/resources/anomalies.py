"""Strange rows and the events they make up: read, and judged by people."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.answers import OfMarketSerializer
from analytics.api.fields import Input
from analytics.api.filters import Count, Flag, MomentFilter, OfMarket, SpanFilter
from analytics.api.inputs import caller, read
from analytics.api.schema import documented
from analytics.api.views import ReadResource
from analytics.models import AnomalyEvent, AnomalyResult, Severity
from analytics.models.choices import Source
from analytics.selectors.anomalies import anomaly_list, event_list
from analytics.services.anomalies import feedback as anomaly_feedback
from analytics.words import sentence

_ACTS = (400, 404, 409)


class _InWords(OfMarketSerializer):
    """Something strange, said in the language of the request."""

    version = serializers.IntegerField(source="model.version", read_only=True)
    text = serializers.SerializerMethodField()

    def get_text(self, row: AnomalyEvent | AnomalyResult) -> str:
        return sentence(row.phrases, row.text)


class AnomalyEventSerializer(_InWords):
    open = serializers.BooleanField(source="is_open", read_only=True)
    feedback_by = serializers.CharField(
        source="feedback_by.username", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = AnomalyEvent
        fields = (
            "id",
            "market",
            "market_id",
            "model_id",
            "version",
            "source",
            "start",
            "peak",
            "end",
            "open",
            "rows",
            "score",
            "threshold",
            "severity",
            "kind",
            "text",
            "expected",
            "contributions",
            "feedback",
            "note",
            "feedback_at",
            "feedback_by",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class AnomalySerializer(_InWords):
    label = serializers.CharField(read_only=True, help_text="The feedback on its event.")
    acknowledged_by = serializers.CharField(
        source="acknowledged_by.username", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = AnomalyResult
        fields = (
            "id",
            "market",
            "market_id",
            "model_id",
            "event_id",
            "version",
            "source",
            "timestamp",
            "score",
            "threshold",
            "severity",
            "kind",
            "text",
            "expected",
            "contributions",
            "created_at",
            "acknowledged_at",
            "acknowledged_by",
            "label",
        )
        read_only_fields = fields


class LabelInput(Input):
    label = serializers.ChoiceField(choices=AnomalyEvent.Feedback.choices, allow_blank=True)


class FeedbackInput(Input):
    feedback = serializers.ChoiceField(
        choices=AnomalyEvent.Feedback.choices,
        allow_blank=True,
        help_text="true, false, or empty to take it back.",
    )
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)


class FeedbackFilter(filters.ChoiceFilter):
    """What people said of an event; `none` is what nobody has judged."""

    def __init__(self, **kwargs: Any) -> None:
        said = [value for value in AnomalyEvent.Feedback.values if value]
        super().__init__(choices=[(name, name) for name in (*said, "none")], **kwargs)

    def filter(self, rows: QuerySet, value: str) -> QuerySet:
        if value == "none":
            return rows.filter(**{self.field_name: AnomalyEvent.Feedback.NONE})
        return super().filter(rows, value)


class AnomalyFilter(OfMarket, SpanFilter):
    severity = filters.MultipleChoiceFilter(choices=Severity.choices)
    source = filters.ChoiceFilter(choices=Source.choices)
    label = FeedbackFilter(field_name="event__feedback")
    model_id = Count()
    min_score = filters.NumberFilter(field_name="score", lookup_expr="gte", min_value=0)
    acknowledged = Flag(field_name="acknowledged_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = AnomalyResult
        fields = ("kind",)


class EventFilter(OfMarket):
    """`from` and `to` take what lies in that time at least in part."""

    severity = filters.MultipleChoiceFilter(choices=Severity.choices)
    source = filters.ChoiceFilter(choices=Source.choices)
    open = Flag(field_name="is_open")
    feedback = FeedbackFilter()
    model_id = Count()
    min_score = filters.NumberFilter(field_name="score", lookup_expr="gte", min_value=0)

    class Meta:
        model = AnomalyEvent
        fields = ("kind",)

    @classmethod
    def get_filters(cls) -> dict[str, Any]:
        # `from` is no name that Python lets a class body use.
        return {
            **super().get_filters(),
            "from": MomentFilter(field_name="end", lookup_expr="gte"),
            "to": MomentFilter(field_name="start", lookup_expr="lte"),
        }


@extend_schema_view(
    list=documented("Anomaly events, newest first", AnomalyEventSerializer(many=True)),
    retrieve=documented("One event", AnomalyEventSerializer, fails=(404,)),
)
class AnomalyEventViewSet(ReadResource):
    queryset = AnomalyEvent.objects.none()
    serializer_class = AnomalyEventSerializer
    filterset_class = EventFilter
    # It reaches the next training.
    acts: ClassVar[dict[str, str]] = {"feedback": "change_anomalyevent"}
    ordering_fields = ("id", "start", "end", "score", "updated_at")

    def get_queryset(self) -> QuerySet[AnomalyEvent]:
        return event_list()

    @documented(
        "Say whether it was a true or a false alarm, or take that back",
        AnomalyEventSerializer,
        request=FeedbackInput,
        fails=_ACTS,
    )
    @action(detail=True, methods=["post"], name=_("Judge"))
    def feedback(self, request: Request, pk: str) -> Response:
        event = self.get_object()
        values = read(request, FeedbackInput)
        judged = anomaly_feedback.event_judge(event=event, by=caller(request), **values)
        return Response(self.get_serializer(judged).data)


@extend_schema_view(
    list=documented("Stored anomalies, newest first", AnomalySerializer(many=True)),
    retrieve=documented("One anomaly", AnomalySerializer, fails=(404,)),
)
class AnomalyViewSet(ReadResource):
    queryset = AnomalyResult.objects.none()
    serializer_class = AnomalySerializer
    filterset_class = AnomalyFilter
    acts: ClassVar[dict[str, str]] = dict.fromkeys(("acknowledge", "label"), "change_anomalyresult")
    ordering_fields = ("id", "timestamp", "score", "created_at")

    def get_queryset(self) -> QuerySet[AnomalyResult]:
        return anomaly_list()

    @documented("Note that it was seen", AnomalySerializer, request=None, fails=_ACTS)
    @action(detail=True, methods=["post"], name=_("Acknowledge"))
    def acknowledge(self, request: Request, pk: str) -> Response:
        anomaly = self.get_object()
        read(request, Input)
        seen = anomaly_feedback.anomaly_acknowledge(anomaly=anomaly, by=caller(request))
        return Response(self.get_serializer(seen).data)

    @documented(
        "Say of its event whether it was a true or a false alarm",
        AnomalySerializer,
        request=LabelInput,
        fails=_ACTS,
    )
    @action(detail=True, methods=["post"], name=_("Label"))
    def label(self, request: Request, pk: str) -> Response:
        anomaly = self.get_object()
        values = read(request, LabelInput)
        labelled = anomaly_feedback.anomaly_label(anomaly=anomaly, by=caller(request), **values)
        return Response(self.get_serializer(labelled).data)
