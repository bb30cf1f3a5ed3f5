"""Device, and who answers per market and task."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.fields import MarketInput
from analytics.api.inputs import read_query
from analytics.api.schema import documented, query_of
from analytics.api.views import ApiView
from analytics.selectors.prices import market_get
from analytics.services import status


class MarketModels(serializers.Serializer):
    market = serializers.CharField()
    step_minutes = serializers.IntegerField()
    tasks = serializers.DictField(
        child=serializers.DictField(),
        help_text="By task: status (active, baseline, broken or none), version, trained_at, "
        "expired, drifted_at and drift_reasons, metrics and baseline, input_columns and window; or "
        "the line that trains one.",
    )


class ModelInfoAnswer(serializers.Serializer):
    device = serializers.DictField()
    serve_device = serializers.CharField()
    last_backup = serializers.DictField(
        allow_null=True, help_text="name, made_at and bytes of the newest scheduled backup."
    )
    horizons_steps = serializers.ListField(child=serializers.IntegerField())
    quantiles = serializers.ListField(child=serializers.FloatField())
    markets_left_out = serializers.IntegerField(
        help_text="How many markets there are beside those listed; ask for one by `market`."
    )
    markets = MarketModels(many=True)


class ModelInfo(ApiView):
    name = _("Models and device")

    @documented(
        "Device, and who answers per market and task",
        ModelInfoAnswer,
        parameters=query_of(MarketInput),
        fails=(400, 404),
        operation_id="dl_model_info",
    )
    def get(self, request: Request) -> Response:
        wanted = read_query(request, MarketInput).get("market")
        market = market_get(wanted) if wanted is not None else None
        return Response(status.model_info(market=market))
