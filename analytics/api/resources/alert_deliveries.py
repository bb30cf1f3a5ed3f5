"""The outbox of alerts: what waits, what was sent, what was given up and can be sent again."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.fields import Input, Retold
from analytics.api.filters import Count, OfMarket
from analytics.api.inputs import read
from analytics.api.schema import documented
from analytics.api.views import ReadResource
from analytics.models import AlertDelivery
from analytics.selectors.alerts import delivery_list
from analytics.services.alerting.composing import delivery_words
from analytics.services.alerting.delivering import delivery_resend


class AlertDeliverySerializer(serializers.ModelSerializer):
    market = serializers.CharField(
        source="market.symbol", read_only=True, allow_null=True, default=None
    )
    channel = serializers.CharField(source="channel.name", read_only=True)
    text = serializers.SerializerMethodField(help_text="In the language asked for.")
    error = Retold()

    class Meta:
        model = AlertDelivery
        fields = (
            "id",
            "key",
            "channel",
            "channel_id",
            "rule_id",
            "rule_name",
            "kind",
            "market",
            "market_id",
            "values",
            "text",
            "happened_at",
            "created_at",
            "status",
            "due_at",
            "digest",
            "attempts",
            "sent_at",
            "error_code",
            "error",
        )
        read_only_fields = fields

    def get_text(self, row: AlertDelivery) -> str:
        return delivery_words(row.kind, row.values)


class DeliveryFilter(OfMarket):
    status = filters.ChoiceFilter(choices=AlertDelivery.Status.choices)
    channel = Count(field_name="channel_id")
    rule = Count(field_name="rule_id")

    class Meta:
        model = AlertDelivery
        fields: tuple = ()


@extend_schema_view(
    list=documented("The outbox, newest first", AlertDeliverySerializer(many=True)),
    retrieve=documented("One delivery", AlertDeliverySerializer, fails=(404,)),
)
class AlertDeliveryViewSet(ReadResource):
    queryset = AlertDelivery.objects.none()
    serializer_class = AlertDeliverySerializer
    filterset_class = DeliveryFilter
    ordering_fields = ("id", "status", "due_at", "happened_at")
    acts: ClassVar[dict[str, str]] = {"resend": "change_alertdelivery"}

    def get_queryset(self) -> QuerySet[AlertDelivery]:
        return delivery_list()

    @documented(
        "Send it once more, under its own key",
        AlertDeliverySerializer,
        request=None,
        fails=(404, 409),
    )
    @action(detail=True, methods=["post"], name=_("Send again"))
    def resend(self, request: Request, pk: str) -> Response:
        read(request, Input)
        row = delivery_resend(delivery=self.get_object())
        return Response(self.get_serializer(row).data)
