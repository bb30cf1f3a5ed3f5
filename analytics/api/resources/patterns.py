"""Stored recognitions: they are read."""

from __future__ import annotations

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers

from analytics.api.answers import OfMarketSerializer
from analytics.api.filters import Count, Flag, OfMarket, SpanFilter
from analytics.api.schema import documented
from analytics.api.views import ReadResource
from analytics.models import PatternResult
from analytics.models.choices import Source
from analytics.selectors.models import pattern_list


class PatternSerializer(OfMarketSerializer):
    version = serializers.IntegerField(source="model.version", read_only=True)

    class Meta:
        model = PatternResult
        fields = (
            "id",
            "market",
            "market_id",
            "model_id",
            "version",
            "source",
            "name",
            "as_of",
            "label",
            "probability",
            "clear",
            "heads",
            "held",
            "analogues",
            "created_at",
        )
        read_only_fields = fields


class PatternFilter(OfMarket, SpanFilter):
    moment = "as_of"
    source = filters.ChoiceFilter(choices=Source.choices)
    model_id = Count()
    clear = Flag()

    class Meta:
        model = PatternResult
        fields = ("label",)


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
