"""What the models said, as the API shows it."""

from __future__ import annotations

from rest_framework import serializers

from analytics.api.serializers import OfMarketSerializer
from analytics.models import AnomalyResult, Forecast, PatternResult


class ForecastSerializer(OfMarketSerializer):
    version = serializers.IntegerField(source="model.version", read_only=True)

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
            "notes",
        )
        read_only_fields = fields


class AnomalySerializer(OfMarketSerializer):
    version = serializers.IntegerField(source="model.version", read_only=True)
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
