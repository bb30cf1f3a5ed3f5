"""Stored forecasts: they are read."""

from __future__ import annotations

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers

from analytics.api.answers import OfMarketSerializer
from analytics.api.fields import Retold
from analytics.api.filters import Count, Flag, OfMarket, SpanFilter
from analytics.api.schema import documented
from analytics.api.views import ReadResource
from analytics.models import Forecast
from analytics.models.choices import Source, Task
from analytics.selectors.models import forecast_list


class ForecastSerializer(OfMarketSerializer):
    version = serializers.IntegerField(source="model.version", read_only=True)
    notes = serializers.ListField(child=Retold(), read_only=True)

    class Meta:
        model = Forecast
        fields = (
            "id",
            "market",
            "market_id",
            "model_id",
            "version",
            "task",
            "source",
            "name",
            "as_of",
            "generated_at",
            "stale",
            "unit",
            "last_value",
            "horizons",
            "novelty",
            "notes",
        )
        read_only_fields = fields


class ForecastFilter(OfMarket, SpanFilter):
    moment = "as_of"
    task = filters.ChoiceFilter(choices=Task.choices)
    source = filters.ChoiceFilter(choices=Source.choices)
    model_id = Count()
    stale = Flag()

    class Meta:
        model = Forecast
        fields: tuple = ()


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
