"""Rules of alerts: listed, made, changed, removed, tried on history."""

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

from analytics.api.fields import Input, MarketRef, Retold
from analytics.api.filters import Flag, OfMarket
from analytics.api.inputs import caller, query_input, read
from analytics.api.renderers import CSVRenderer
from analytics.api.resources.sources import OptionsField, VenueOption
from analytics.api.schema import documented
from analytics.api.views import ReadResource
from analytics.models import AlertChannel, AlertRule
from analytics.selectors.alerts import rule_list
from analytics.selectors.prices import market_get
from analytics.services.alerting import rules, trying

_MARKET = "Id or symbol of the market; left out or null: all markets."


class _Channels(serializers.PrimaryKeyRelatedField):
    def get_queryset(self) -> QuerySet[AlertChannel]:
        return AlertChannel.objects.all()


class RuleTry(Input):
    kind = serializers.CharField(max_length=40, help_text="See alert-rules/kinds.")
    params = OptionsField(required=False, help_text="Parameters of the kind, by name.")
    market = MarketRef(allow_null=True, help_text=_MARKET)
    cooldown_minutes = serializers.IntegerField(required=False, min_value=0, max_value=43_200)
    days = serializers.IntegerField(required=False, min_value=1, max_value=trying.MOST_DAYS)


class RuleChange(Input):
    name = serializers.CharField(required=False, max_length=80)
    kind = serializers.CharField(required=False, max_length=40, help_text="See alert-rules/kinds.")
    params = OptionsField(required=False, help_text="Parameters of the kind, by name.")
    market = MarketRef(allow_null=True, help_text=_MARKET)
    enabled = serializers.BooleanField(required=False)
    cooldown_minutes = serializers.IntegerField(required=False, min_value=0, max_value=43_200)
    channels = serializers.ListField(
        required=False,
        max_length=50,
        child=_Channels(queryset=AlertChannel.objects.none()),
        help_text="Ids of channels.",
    )


class RuleInput(RuleChange):
    name = serializers.CharField(max_length=80)
    kind = serializers.CharField(max_length=40, help_text="See alert-rules/kinds.")


class AlertRuleSerializer(serializers.ModelSerializer):
    market = serializers.CharField(
        source="market.symbol", read_only=True, allow_null=True, default=None
    )
    last_fired = serializers.DateTimeField(read_only=True, allow_null=True)
    problem = Retold()

    class Meta:
        model = AlertRule
        fields = (
            "id",
            "name",
            "kind",
            "params",
            "market",
            "market_id",
            "enabled",
            "cooldown_minutes",
            "channels",
            "last_fired",
            "problem",
            "created_at",
        )
        read_only_fields = fields


class FiredAnswer(serializers.Serializer):
    market = serializers.CharField()
    at = serializers.DateTimeField()
    text = serializers.CharField()


class TriedRuleAnswer(serializers.Serializer):
    kind = serializers.CharField()
    days = serializers.IntegerField()
    possible = serializers.BooleanField(help_text="Some kinds cannot be tried: `why` says it.")
    why = serializers.CharField()
    count = serializers.IntegerField(allow_null=True, help_text="Times it would have fired.")
    fired = FiredAnswer(many=True, help_text="Newest first, at most 100.")
    notes = serializers.ListField(child=serializers.CharField())


class RuleKindAnswer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    of_market = serializers.BooleanField(help_text="False: about the server.")
    moved_by = serializers.CharField(help_text="quotes, clock or events")
    can_be_tried = serializers.BooleanField()
    why_not = serializers.CharField()
    params = VenueOption(many=True)


class RuleFilter(OfMarket):
    enabled = Flag()
    kind = filters.CharFilter(max_length=40)

    class Meta:
        model = AlertRule
        fields: tuple = ()


@extend_schema_view(
    list=documented("Rules of alerts", AlertRuleSerializer(many=True)),
    retrieve=documented("One rule", AlertRuleSerializer, fails=(404,)),
)
class AlertRuleViewSet(ReadResource):
    queryset = AlertRule.objects.none()
    serializer_class = AlertRuleSerializer
    filterset_class = RuleFilter
    ordering_fields = ("id", "name", "kind", "enabled", "created_at")
    acts: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("create", "partial_update", "try_rule"), "change_alertrule"),
        "destroy": "delete_alertrule",
    }
    formats = {**ReadResource.formats, "kinds": (CSVRenderer,)}

    def row_serializer(self) -> serializers.BaseSerializer:
        return RuleKindAnswer() if self.action == "kinds" else super().row_serializer()

    def get_queryset(self) -> QuerySet[AlertRule]:
        return rule_list()

    @documented(
        "Make a rule, switched on unless `enabled` is false",
        AlertRuleSerializer,
        status=201,
        request=RuleInput,
        fails=(400, 404, 409),
    )
    def create(self, request: Request) -> Response:
        values = _with_market(read(request, RuleInput))
        rule = rules.rule_create(owner=caller(request), **values)
        return Response(self.get_serializer(rule).data, status=status.HTTP_201_CREATED)

    @documented(
        "Change a rule, or switch it on or off",
        AlertRuleSerializer,
        request=RuleChange,
        fails=(400, 404, 409),
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        values = _with_market(read(request, RuleChange))
        rule = rules.rule_change(rule=self.get_object(), **values)
        return Response(self.get_serializer(rule).data)

    @documented("Remove a rule; its deliveries stay", None, status=204, fails=(404,))
    def destroy(self, request: Request, pk: str) -> Response:
        rules.rule_delete(rule=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @documented(
        "How often a rule would have fired, before it is saved",
        TriedRuleAnswer,
        request=RuleTry,
        fails=(400, 404),
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="try",
        filterset_class=None,
        name=_("Try on history"),
    )
    def try_rule(self, request: Request) -> Response:
        values = _with_market(read(request, RuleTry))
        values.setdefault("params", {})
        return Response(trying.rule_try(**values))

    @documented("Kinds of rules", RuleKindAnswer(many=True), fails=(400,))
    @action(
        detail=False,
        methods=["get"],
        pagination_class=None,
        filterset_class=None,
        name=_("Kinds of rule"),
    )
    def kinds(self, request: Request) -> Response:
        query_input(request, allowed=())
        return Response(rules.kinds_described())


def _with_market(values: dict[str, Any]) -> dict[str, Any]:
    """A market that is named, found; null and empty mean all."""
    if "market" in values:
        ref = values["market"]
        values["market"] = market_get(ref) if ref else None
    return values
