"""What the models said, as the API shows it."""

from __future__ import annotations

from rest_framework import serializers

from analytics.api.serializers import OfMarketSerializer
from analytics.models import AnomalyEvent, AnomalyResult, Forecast, PatternResult
from analytics.words import sentence


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
            "novelty",
            "notes",
        )
        read_only_fields = fields


class _InWords(OfMarketSerializer):
    """Something strange, said in the language of the request."""

    version = serializers.IntegerField(source="model.version", read_only=True)
    text = serializers.SerializerMethodField()

    def get_text(self, row: AnomalyEvent | AnomalyResult) -> str:
        return sentence(row.phrases, row.text)


class AnomalyEventSerializer(_InWords):
    open = serializers.BooleanField(source="is_open", read_only=True)
    feedback_by = serializers.CharField(
        source="feedback_by.username", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = AnomalyEvent
        fields = (
            "id",
            "market",
            "market_id",
            "model_id",
            "version",
            "source",
            "start",
            "peak",
            "end",
            "open",
            "rows",
            "score",
            "threshold",
            "severity",
            "kind",
            "text",
            "expected",
            "contributions",
            "feedback",
            "note",
            "feedback_at",
            "feedback_by",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class AnomalySerializer(_InWords):
    label = serializers.CharField(read_only=True, help_text="The feedback on its event.")
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
            "event_id",
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
