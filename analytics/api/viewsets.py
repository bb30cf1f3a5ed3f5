"""The resources that are read: forecasts, patterns and families; and what every resource shares."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_view
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from analytics.api.filters import ForecastFilter, PatternFilter, StrictOrdering
from analytics.api.parsers import check_names, query_input
from analytics.api.schema import documented, query_of
from analytics.api.serializers_answer import FamilyAnswer
from analytics.api.serializers_input import TaskInput
from analytics.api.serializers_result import ForecastSerializer, PatternSerializer
from analytics.api.views import StrictRequest, read_query
from analytics.models import Forecast, PatternResult
from analytics.selectors.results import forecast_list, pattern_list
from analytics.services.jobs import training


class Resource(StrictRequest, GenericViewSet):
    """A viewset whose lists refuse query parameters that they do not know."""

    lookup_value_regex = "[0-9]{1,18}"
    filter_backends = [DjangoFilterBackend, StrictOrdering]
    filterset_class: ClassVar[Any] = None
    page_names: ClassVar[tuple[str, ...]] = ("page", "page_size", "ordering")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action == "list":
            self.check_names(request)
        elif self.action == "retrieve":
            query_input(request, allowed=())

    def check_names(self, request: Request) -> None:
        filters = self.filterset_class.base_filters if self.filterset_class else ()
        check_names(request.query_params, (*filters, *self.page_names))


class ReadResource(mixins.ListModelMixin, mixins.RetrieveModelMixin, Resource):
    """A resource that the API only shows."""


@extend_schema_view(
    list=documented("Stored forecasts, newest first", ForecastSerializer(many=True)),
    retrieve=documented("One forecast", ForecastSerializer, fails=(404,)),
)
class ForecastViewSet(ReadResource):
    queryset = Forecast.objects.none()
    serializer_class = ForecastSerializer
    filterset_class = ForecastFilter
    ordering_fields = ("id", "as_of", "generated_at")

    def get_queryset(self) -> QuerySet[Forecast]:
        return forecast_list()


@extend_schema_view(
    list=documented("Stored recognitions, newest first", PatternSerializer(many=True)),
    retrieve=documented("One recognition", PatternSerializer, fails=(404,)),
)
class PatternViewSet(ReadResource):
    queryset = PatternResult.objects.none()
    serializer_class = PatternSerializer
    filterset_class = PatternFilter
    ordering_fields = ("id", "as_of", "probability")

    def get_queryset(self) -> QuerySet[PatternResult]:
        return pattern_list()


class FamilyViewSet(StrictRequest, ViewSet):
    """What can be trained, and with which parameters."""

    @documented(
        "Model families with their parameters",
        FamilyAnswer(many=True),
        parameters=query_of(TaskInput),
    )
    def list(self, request: Request) -> Response:
        task = read_query(request, TaskInput).get("task")
        families = training.family_list()
        return Response([f for f in families if task in (None, f["task"])])
