"""Strange rows and the events they make up: read, and judged by people."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.filters import AnomalyFilter, EventFilter
from analytics.api.schema import documented
from analytics.api.serializers_input import FeedbackInput, Input, LabelInput
from analytics.api.serializers_result import AnomalyEventSerializer, AnomalySerializer
from analytics.api.views import caller, read
from analytics.api.viewsets import ReadResource
from analytics.models import AnomalyEvent, AnomalyResult
from analytics.selectors.anomalies import anomaly_list, event_list
from analytics.services.anomalies import feedback as anomaly_feedback

_ACTS = (400, 404, 409)


@extend_schema_view(
    list=documented("Anomaly events, newest first", AnomalyEventSerializer(many=True)),
    retrieve=documented("One event", AnomalyEventSerializer, fails=(404,)),
)
class AnomalyEventViewSet(ReadResource):
    queryset = AnomalyEvent.objects.none()
    serializer_class = AnomalyEventSerializer
    filterset_class = EventFilter
    ordering_fields = ("id", "start", "end", "score", "updated_at")

    def get_queryset(self) -> QuerySet[AnomalyEvent]:
        return event_list()

    @documented(
        "Say whether it was a true or a false alarm, or take that back",
        AnomalyEventSerializer,
        request=FeedbackInput,
        fails=_ACTS,
    )
    @action(detail=True, methods=["post"])
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
    ordering_fields = ("id", "timestamp", "score", "created_at")

    def get_queryset(self) -> QuerySet[AnomalyResult]:
        return anomaly_list()

    @documented("Note that it was seen", AnomalySerializer, request=None, fails=_ACTS)
    @action(detail=True, methods=["post"])
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
    @action(detail=True, methods=["post"])
    def label(self, request: Request, pk: str) -> Response:
        anomaly = self.get_object()
        values = read(request, LabelInput)
        labelled = anomaly_feedback.anomaly_label(anomaly=anomaly, by=caller(request), **values)
        return Response(self.get_serializer(labelled).data)
