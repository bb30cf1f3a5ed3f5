"""Rows as the API shows them. Figures are JSON numbers, moments UTC with a Z, relations an id and
the symbol: nothing here asks the database again for a row that was already read."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from analytics.models import (
    Market,
    PriceHistory,
    TrainedModel,
    TrainingRun,
)
from analytics.pages.verdicts import verdict
from analytics.selectors.models import model_decision
from analytics.services.registry.cards import comparison


class ErrorSerializer(serializers.Serializer):
    """The one error shape; some errors carry plain details (run_id, needed, present) beside it."""

    code = serializers.CharField(help_text="Stable, for programs.")
    message = serializers.CharField(help_text="For people, in the language asked for.")
    # Named so by the contract; the base class's own property is about declared fields.
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), help_text="What is wrong, by the input's name."
    )


def figure_fields(**options: Any) -> dict[str, serializers.Field]:
    """A number for every figure that a quote may have."""
    return {
        column.name: (serializers.FloatField if column.places else serializers.IntegerField)(
            help_text=f"{column.help} Unit: {column.unit}.", **options
        )
        for column in PriceHistory.SCHEMA
    }


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

    class Meta(MarketSerializer.Meta):
        fields = (*MarketSerializer.Meta.fields, "freshness")

    def get_freshness(self, market: Market) -> dict[str, Any]:
        """When the market was last seen, and how much of it is stored."""
        return self.context["freshness"]


class PriceSerializer(serializers.ModelSerializer):
    market = serializers.CharField(source="market.symbol", read_only=True)

    class Meta:
        model = PriceHistory
        fields = ("market", "timestamp")
        read_only_fields = fields

    def get_fields(self) -> dict[str, serializers.Field]:
        derived = {n: serializers.FloatField(allow_null=True) for n in ("avg_price", "spread_pct")}
        return {**super().get_fields(), **figure_fields(allow_null=True), **derived}


class OfMarketSerializer(serializers.ModelSerializer):
    market = serializers.CharField(source="market.symbol", read_only=True)


class TrainingRunSerializer(OfMarketSerializer):
    requested_by = serializers.CharField(
        source="requested_by.username", read_only=True, allow_null=True, default=None
    )
    progress = serializers.FloatField(read_only=True, help_text="Share of the epochs done, 0 to 1.")
    seconds = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = TrainingRun
        fields = (
            "id",
            "market",
            "market_id",
            "task",
            "family",
            "status",
            "stage",
            "progress",
            "epoch",
            "epochs",
            "eta_seconds",
            "seconds",
            "heartbeat_at",
            "attempts",
            "cancel_requested",
            "error_code",
            "error_message",
            "device",
            "requested_by",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields


class TrainingRunDetailSerializer(TrainingRunSerializer):
    """A run with what is too long for a list: its configuration, data and losses."""

    model_id = serializers.SerializerMethodField()

    class Meta(TrainingRunSerializer.Meta):
        fields = (
            *TrainingRunSerializer.Meta.fields,
            "model_id",
            "config",
            "seed",
            "device_wish",
            "data_from",
            "data_until",
            "row_count",
            "labels",
            "dataset_hash",
            "audit",
            "versions",
            "losses",
        )
        read_only_fields = fields

    def get_model_id(self, run: TrainingRun) -> int | None:
        model = TrainedModel.objects.filter(run=run).only("pk").first()
        return model.pk if model else None


class TrainedModelSerializer(OfMarketSerializer):
    class Meta:
        model = TrainedModel
        fields = (
            "id",
            "market",
            "market_id",
            "run_id",
            "task",
            "family",
            "version",
            "status",
            "primary_metric",
            "score",
            "baseline",
            "baseline_score",
            "beats_baseline",
            "metrics",
            "baseline_metrics",
            "step_minutes",
            "window",
            "input_columns",
            "data_from",
            "data_until",
            "trained_until",
            "test_from",
            "device",
            "trained_at",
            "checksum",
        )
        read_only_fields = fields


class TrainedModelDetailSerializer(TrainedModelSerializer):
    """A version with the decision about it: how it did beside the one that was active."""

    comparison = serializers.SerializerMethodField()

    class Meta(TrainedModelSerializer.Meta):
        fields = (*TrainedModelSerializer.Meta.fields, "comparison")
        read_only_fields = fields

    def get_comparison(self, model: TrainedModel) -> dict[str, Any] | None:
        """Verdict, both figures, window, n, statistic and p-value; null where none was taken."""
        event = model_decision(model)
        return {**comparison(event), "text": verdict(event.figures)} if event else None
