"""Markets: how fresh they are, what their quotes are like, how their forecasts fared."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.fields import Input
from analytics.api.inputs import checked, merged_input, query_input, read
from analytics.api.resources.collected import CollectedActions
from analytics.api.resources.exports import ExportAction
from analytics.api.schema import documented, query_of
from analytics.api.views import ReadResource
from analytics.models import Market
from analytics.selectors.prices import market_freshness, market_list
from analytics.selectors.watches import watch_state
from analytics.services.forecasts.accuracy import accuracy_of
from analytics.services.prices.auditing import data_audit
from analytics.services.prices.markets import market_change, market_create
from analytics.words import watch_reason


class MarketSerializer(serializers.ModelSerializer):
    symbol = serializers.CharField(read_only=True)
    last_quote_at = serializers.DateTimeField(read_only=True, allow_null=True, default=None)

    class Meta:
        model = Market
        fields = (
            "id",
            "symbol",
            "asset",
            "fiat",
            "exchange",
            "cadence_minutes",
            "last_quote_at",
            "created_at",
        )


class MarketDetailSerializer(MarketSerializer):
    freshness = serializers.SerializerMethodField()
    watch = serializers.SerializerMethodField()

    class Meta(MarketSerializer.Meta):
        fields = (*MarketSerializer.Meta.fields, "cadence_chosen", "freshness", "watch")

    def get_freshness(self, market: Market) -> dict[str, Any]:
        """When the market was last seen, and how much of it is stored."""
        return self.context["freshness"]

    def get_watch(self, market: Market) -> dict[str, Any]:
        """Whether its new quotes are looked at: `state` is watching only where they are; else since
        when it is not, and why."""
        found = watch_state(market)
        return {**found.facts(), "why": watch_reason(found.state, found.detail)}


class MarketCreateInput(serializers.ModelSerializer):
    class Meta:
        model = Market
        fields = ("asset", "fiat", "exchange", "cadence_minutes")
        # A market that exists is a conflict, which the service tells, not a wrong input.
        validators: list = []
        extra_kwargs = {"cadence_minutes": {"max_value": 1440}}


class MarketUpdateInput(Input):
    cadence_minutes = serializers.IntegerField(min_value=1, max_value=1440)


class DaysInput(Input):
    days = serializers.IntegerField(required=False, min_value=1, max_value=3650)


class FoundFinding(serializers.Serializer):
    level = serializers.CharField(help_text="note, warning or error.")
    code = serializers.CharField()
    text = serializers.CharField()


class AuditAnswer(serializers.Serializer):
    market = serializers.CharField()
    rows = serializers.IntegerField()
    grid_rows = serializers.IntegerField()
    step_minutes = serializers.IntegerField()
    inferred_step_minutes = serializers.IntegerField()
    data_from = serializers.DateTimeField()
    data_until = serializers.DateTimeField()
    columns = serializers.ListField(child=serializers.CharField())
    gap_median = serializers.FloatField(help_text="Minutes between quotes; so are the next two.")
    gap_p95 = serializers.FloatField()
    gap_longest = serializers.FloatField()
    missing_share = serializers.FloatField()
    fresh_share = serializers.FloatField()
    one_sided_share = serializers.FloatField(allow_null=True)
    crossed_share = serializers.FloatField(allow_null=True)
    jump_share = serializers.FloatField()
    stuck_longest = serializers.FloatField(help_text="Minutes without any change of the price.")
    season_price = serializers.FloatField()
    season_spread = serializers.FloatField(allow_null=True)
    enough = serializers.DictField(child=serializers.BooleanField())
    findings = FoundFinding(many=True)


class HorizonAccuracy(serializers.Serializer):
    task = serializers.CharField()
    source = serializers.CharField()
    horizon = serializers.IntegerField(help_text="Steps.")
    minutes = serializers.IntegerField()
    n = serializers.IntegerField()
    mae = serializers.FloatField()
    naive_mae = serializers.FloatField(help_text="Of the last value, on the same rows.")
    skill = serializers.FloatField(allow_null=True, help_text="Below 1 is better than it.")
    mean_crps = serializers.FloatField()
    coverage_80 = serializers.FloatField()
    coverage_90 = serializers.FloatField()


class HorizonDrift(serializers.Serializer):
    horizon = serializers.IntegerField(help_text="Steps.")
    n = serializers.IntegerField()
    independent = serializers.FloatField(help_text="Of the n; forecasts share their future.")
    skill = serializers.FloatField(allow_null=True)
    skill_trained = serializers.FloatField(allow_null=True, help_text="When it was trained.")
    coverage_80 = serializers.FloatField()
    band_80 = serializers.ListField(
        child=serializers.FloatField(), help_text="What chance allows an honest interval."
    )
    coverage_90 = serializers.FloatField()
    band_90 = serializers.ListField(child=serializers.FloatField())
    found = serializers.ListField(child=serializers.CharField())


class DriftAnswer(serializers.Serializer):
    task = serializers.CharField()
    model_id = serializers.IntegerField(allow_null=True, help_text="The active version.")
    version = serializers.IntegerField(allow_null=True)
    enough = serializers.BooleanField(help_text="Enough independent forecasts to say anything.")
    drifted = serializers.BooleanField()
    reasons = serializers.ListField(
        child=serializers.CharField(),
        help_text="coverage_80_low, coverage_80_high, the same of 90, worse_than_last_value, "
        "worse_than_trained.",
    )
    horizons = HorizonDrift(many=True)


class AccuracyAnswer(serializers.Serializer):
    market = serializers.CharField()
    days = serializers.IntegerField()
    horizons = HorizonAccuracy(many=True)
    drift = DriftAnswer(many=True)


class MarketFilter(filters.FilterSet):
    class Meta:
        model = Market
        fields = ("asset", "fiat", "exchange")


@extend_schema_view(
    list=documented("Markets", MarketSerializer(many=True)),
    retrieve=documented("One market and how fresh it is", MarketDetailSerializer, fails=(404,)),
)
class MarketViewSet(CollectedActions, ExportAction, ReadResource):
    queryset = Market.objects.none()
    serializer_class = MarketSerializer
    filterset_class = MarketFilter
    ordering_fields = ("id", "asset", "fiat", "exchange", "created_at")
    acts: ClassVar[dict[str, str]] = {"create": "add_market", "partial_update": "change_market"}

    def get_queryset(self) -> QuerySet[Market]:
        return market_list()

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._detail(self.get_object())

    @documented(
        "Add a market",
        MarketDetailSerializer,
        status=201,
        request=MarketCreateInput,
        fails=(400, 409),
    )
    def create(self, request: Request) -> Response:
        names = MarketCreateInput.Meta.fields
        values = checked(MarketCreateInput, merged_input(request, allowed=names))
        market = market_create(**values)
        return self._detail(market, status.HTTP_201_CREATED)

    @documented(
        "Change the cadence of a market",
        MarketDetailSerializer,
        request=MarketUpdateInput,
        fails=(400, 404),
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        market = self.get_object()
        values = read(request, MarketUpdateInput)
        return self._detail(market_change(market=market, **values))

    @documented("What the quotes of a market are like", AuditAnswer, fails=(400, 404))
    @action(detail=True, methods=["get"], name=_("Data audit"))
    def audit(self, request: Request, pk: str) -> Response:
        query_input(request, allowed=())
        return Response(data_audit(market=self.get_object()))

    @documented(
        "How good the stored forecasts were, per task and horizon",
        AccuracyAnswer,
        parameters=query_of(DaysInput),
        fails=(400, 404),
    )
    @action(detail=True, methods=["get"], name=_("Accuracy"))
    def accuracy(self, request: Request, pk: str) -> Response:
        asked = checked(DaysInput, query_input(request, allowed=("days",)))
        return Response(accuracy_of(market=self.get_object(), **asked))

    def _detail(self, market: Market, code: int = 200) -> Response:
        context = {**self.get_serializer_context(), "freshness": market_freshness(market)}
        return Response(MarketDetailSerializer(market, context=context).data, status=code)
