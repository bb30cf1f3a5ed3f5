"""Sources of quotes: which venue a market is collected from, switched on and off, tried."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.answers import OfMarketSerializer
from analytics.api.fields import Input, MarketInput, Retold
from analytics.api.filters import Flag, OfMarket
from analytics.api.inputs import checked, chosen_market, merged_input, query_input, read
from analytics.api.renderers import CSVRenderer
from analytics.api.schema import documented
from analytics.api.views import ReadResource
from analytics.models import MarketSource
from analytics.selectors.collection import source_list
from analytics.services.collection import rounds, sources


@extend_schema_field(OpenApiTypes.OBJECT)
class OptionsField(serializers.JSONField):
    """Options by name; the service checks them against the venue's."""


class SourceChange(Input):
    venue = serializers.CharField(required=False, max_length=40, help_text="See sources/venues.")
    options = OptionsField(required=False, help_text="Options of the venue, by name.")
    method = serializers.CharField(
        required=False, max_length=40, allow_blank=True, help_text="How ads become a price."
    )
    enabled = serializers.BooleanField(required=False)
    interval_seconds = serializers.IntegerField(required=False, min_value=5, max_value=86_400)
    keep_book_days = serializers.IntegerField(required=False, min_value=0, max_value=3650)


class SourceInput(MarketInput, SourceChange):
    venue = serializers.CharField(max_length=40, help_text="See sources/venues.")


class SourceSerializer(OfMarketSerializer):
    options = serializers.SerializerMethodField(help_text="Secrets are hidden.")
    last_error = Retold()
    errors = serializers.SerializerMethodField()

    class Meta:
        model = MarketSource
        fields = (
            "id",
            "market",
            "market_id",
            "venue",
            "options",
            "method",
            "enabled",
            "interval_seconds",
            "keep_book_days",
            "next_due_at",
            "last_attempt_at",
            "last_success_at",
            "last_error_at",
            "last_error_code",
            "last_error",
            "failures",
            "readings",
            "errors",
            "created_at",
        )
        read_only_fields = fields

    def get_options(self, source: MarketSource) -> dict[str, Any]:
        """Options of the venue; secrets are hidden."""
        return sources.shown_options(source)

    def get_errors(self, source: MarketSource) -> dict[str, int]:
        """How often it failed, by code."""
        return {reason.code: reason.count for reason in source.reasons.all()}


class LevelAnswer(serializers.Serializer):
    price = serializers.FloatField()
    quantity = serializers.FloatField(help_text="Of the asset.")
    fiat = serializers.FloatField(help_text="What the level takes now.")
    offers = serializers.IntegerField()


class SidesAnswer(serializers.Serializer):
    ask = LevelAnswer(many=True, required=False)
    bid = LevelAnswer(many=True, required=False)


class TriedAnswer(serializers.Serializer):
    market = serializers.CharField()
    venue = serializers.CharField()
    timestamp = serializers.DateTimeField()
    method = serializers.CharField()
    quote = serializers.DictField(child=serializers.FloatField(), help_text="By column.")
    concentration = serializers.DictField(
        child=serializers.FloatField(), help_text="The largest advertiser's share, by side."
    )
    notes = serializers.ListField(child=serializers.CharField())
    dropped = serializers.DictField(child=serializers.IntegerField())
    ads = serializers.DictField(child=serializers.IntegerField())
    depth = SidesAnswer(help_text="The best levels.")
    requests = serializers.IntegerField()


class VenueOption(serializers.Serializer):
    name = serializers.CharField()
    type = serializers.CharField()
    default = serializers.JSONField()
    # Named so by the options themselves.
    help = serializers.CharField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    choices = serializers.ListField(child=serializers.CharField())
    secret = serializers.BooleanField()


class VenueAnswer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    offers = serializers.ListField(child=serializers.CharField())
    seconds_between_requests = serializers.FloatField()
    request = serializers.CharField()
    # Named so by the contract; the base class's own property is about declared fields.
    fields = serializers.CharField()  # type: ignore[assignment]
    sides = serializers.DictField(child=serializers.CharField())
    terms = serializers.CharField()
    options = VenueOption(many=True)


class SourceFilter(OfMarket):
    enabled = Flag()
    venue = filters.CharFilter(max_length=40)

    class Meta:
        model = MarketSource
        fields: tuple = ()


@extend_schema_view(
    list=documented("Sources of quotes", SourceSerializer(many=True)),
    retrieve=documented("One source", SourceSerializer, fails=(404,)),
)
class SourceViewSet(ReadResource):
    queryset = MarketSource.objects.none()
    serializer_class = SourceSerializer
    filterset_class = SourceFilter
    ordering_fields = ("id", "venue", "enabled", "last_success_at")
    acts: ClassVar[dict[str, str]] = {
        "create": "add_marketsource",
        **dict.fromkeys(("partial_update", "dry_run"), "change_marketsource"),
        "destroy": "delete_marketsource",
    }
    formats = {**ReadResource.formats, "venues": (CSVRenderer,)}

    def row_serializer(self) -> serializers.Serializer:
        return VenueAnswer() if self.action == "venues" else SourceSerializer()

    def get_queryset(self) -> QuerySet[MarketSource]:
        return source_list()

    @documented(
        "Add a source, switched off unless `enabled` is true",
        SourceSerializer,
        status=201,
        request=SourceInput,
        fails=(400, 404, 409),
    )
    def create(self, request: Request) -> Response:
        values = checked(SourceInput, merged_input(request, allowed=SourceInput.names()))
        source = sources.source_create(market=chosen_market(values), **values)
        return Response(self.get_serializer(source).data, status=status.HTTP_201_CREATED)

    @documented(
        "Change a source, or switch it on or off",
        SourceSerializer,
        request=SourceChange,
        fails=(400, 404),
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        source = self.get_object()
        changed = sources.source_change(source=source, **read(request, SourceChange))
        return Response(self.get_serializer(changed).data)

    @documented("Remove a source; quotes and books stay", None, status=204, fails=(404,))
    def destroy(self, request: Request, pk: str) -> Response:
        sources.source_delete(source=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @documented(
        "Read it once and show what would be stored; nothing is",
        TriedAnswer,
        request=None,
        fails=(400, 404, 409, 502, 503),
    )
    @action(detail=True, methods=["post"], url_path="dry-run", name=_("Dry run"))
    def dry_run(self, request: Request, pk: str) -> Response:
        read(request, Input)
        return Response(rounds.source_try(source=self.get_object()))

    @documented(
        "Venues that quotes can be collected from",
        VenueAnswer(many=True),
        fails=(400,),
        operation_id="sources_venues_list",
    )
    @action(
        detail=False, methods=["get"], pagination_class=None, filterset_class=None, name=_("Venues")
    )
    def venues(self, request: Request) -> Response:
        query_input(request, allowed=())
        return Response(sources.venues_described())
