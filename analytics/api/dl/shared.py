"""What the calls share: a posted sequence, and who answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from analytics.api.fields import Input, MarketInput, Moment
from analytics.api.schema import documented, query_of


class SequenceInput(MarketInput):
    sequence = serializers.ListField(
        required=False,
        help_text="Rows of raw quotes, oldest first: numbers in the order of the model's "
        "input_columns (see model-info), or objects by column name.",
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """A list is all that is looked at: row by row would cost more than the prediction."""
        rows = data.get("sequence", [])
        if not isinstance(rows, list):
            raise serializers.ValidationError({"sequence": [_("Must be a list of rows.")]})
        checked = super().to_internal_value({k: v for k, v in data.items() if k != "sequence"})
        if "sequence" in data:
            checked["sequence"] = rows
        return checked


class OriginInput(SequenceInput):
    at = Moment(required=False, help_text="Predict from the last quote at or before this moment.")


class AnsweredBy(serializers.Serializer):
    id = serializers.IntegerField(allow_null=True, help_text="None: no version, see source.")
    version = serializers.IntegerField()
    family = serializers.CharField()
    status = serializers.CharField(help_text="candidate, active or retired.")
    source = serializers.CharField(
        help_text="network, or baseline where no network beat it or none could be trained."
    )
    name = serializers.CharField()
    expired = serializers.BooleanField(
        help_text="It is too old, or knows too few of the last quotes, to be relied on."
    )


class Answer(serializers.Serializer):
    market = serializers.CharField()
    model = AnsweredBy()
    generated_at = serializers.DateTimeField()
    device = serializers.CharField()
    latency_ms = serializers.FloatField()


def answered(summary: str, answer: Any, asked: type[Input], operation: str) -> Callable:
    """How a call that asks a model is documented."""
    return documented(
        summary,
        answer,
        request=asked,
        parameters=query_of(asked),
        fails=(400, 404, 409, 413, 503),
        operation_id=operation,
    )
