"""What comes in: names, types and shapes only. What the values mean is the services' business."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from analytics.api.serializers import figure_fields
from analytics.models import AnomalyEvent, Market
from analytics.models.choices import Task

#: Moments outside cannot be moved by days, zones or nanoseconds without overflowing.
EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)


class Moment(serializers.DateTimeField):
    """An ISO 8601 moment; without a zone it is UTC."""

    default_error_messages = {"range": _("Must lie between 1970 and 2200.")}

    def to_internal_value(self, value: Any) -> dt.datetime:
        # A plus sign that was not escaped in an address arrives as a space.
        text = value.replace(" ", "+") if isinstance(value, str) and "T" in value else value
        moment = super().to_internal_value(text).astimezone(dt.UTC)
        if not EARLIEST <= moment <= LATEST:
            self.fail("range")
        return moment


class FiniteFloat(serializers.FloatField):
    """DRF would take "nan", "inf" and true for numbers."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        try:
            value = super().to_internal_value(data)
        except OverflowError:
            self.fail("invalid")
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class MarketRef(serializers.CharField):
    """An id or a symbol such as USDT/BOB@binance_p2p."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        kwargs.setdefault("max_length", 100)
        kwargs.setdefault(
            "help_text", "Id or symbol of the market; may be left out while there is only one."
        )
        super().__init__(**kwargs)


class Input(serializers.Serializer):
    @classmethod
    def names(cls) -> list[str]:
        return list(cls().fields)


class MarketInput(Input):
    market = MarketRef()


class DaysInput(Input):
    days = serializers.IntegerField(required=False, min_value=1, max_value=3650)


class TaskInput(Input):
    task = serializers.ChoiceField(choices=Task.choices, required=False)


class TrainInput(MarketInput):
    """Any parameter of the family (see /families) may stand beside these."""

    family = serializers.CharField(
        required=False, max_length=40, help_text="Model family; the task's own by default."
    )
    device = serializers.CharField(
        required=False,
        max_length=40,
        allow_blank=True,
        help_text="cpu, cuda, ...; the best there is by default.",
    )
    until = Moment(required=False, help_text="Learn from nothing later than this.")


class TrainBody(TrainInput):
    """Documents the parameters that every family takes; ml checks them, and each family's own."""

    epochs = serializers.IntegerField(required=False, help_text="Most passes over the data.")
    batch_size = serializers.IntegerField(required=False, help_text="Windows per step.")
    learning_rate = serializers.FloatField(required=False, help_text="Peak step size.")
    seed = serializers.IntegerField(required=False, help_text="Seed of every random choice.")


class TrainTaskBody(TrainBody):
    task = serializers.ChoiceField(choices=Task.choices)


class TrainTaskInput(TrainInput):
    task = serializers.ChoiceField(choices=Task.choices)


class _Sequence(MarketInput):
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


class PredictInput(_Sequence):
    at = Moment(required=False, help_text="Predict from the last quote at or before this moment.")


class ScanInput(_Sequence):
    """At most one of threshold, alarm_rate and sensitivity."""

    threshold = FiniteFloat(
        required=False,
        help_text="Score from which a row is an anomaly; 0.1, the default, is one false alarm a "
        "week.",
    )
    alarm_rate = serializers.CharField(
        required=False, max_length=40, help_text="False alarms that are borne: 1/week, 2/day, ..."
    )
    sensitivity = serializers.IntegerField(
        required=False, help_text="0 (calm) to 99 (nervous); 50 is one false alarm a week."
    )
    mode = serializers.ChoiceField(
        required=False,
        choices=["entire", "last"],
        default="entire",
        help_text="All rows, or the last of them alone.",
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        # `from` is no name that Python lets a class body use.
        return {
            **super().get_fields(),
            "from": Moment(required=False, help_text="First moment to look at."),
            "to": Moment(required=False, help_text="Last moment to look at."),
        }


class RecognizeInput(PredictInput):
    history = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=1000,
        help_text="How many earlier recognitions to add.",
    )


class PromoteInput(Input):
    force = serializers.BooleanField(
        required=False, default=False, help_text="Promote although it is not better."
    )
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)


class ReasonInput(Input):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)


class RollbackInput(ReasonInput):
    market = MarketRef()
    task = serializers.ChoiceField(choices=Task.choices)


class LabelInput(Input):
    label = serializers.ChoiceField(choices=AnomalyEvent.Feedback.choices, allow_blank=True)


class FeedbackInput(Input):
    feedback = serializers.ChoiceField(
        choices=AnomalyEvent.Feedback.choices,
        allow_blank=True,
        help_text="true, false, or empty to take it back.",
    )
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)


class MarketCreateInput(serializers.ModelSerializer):
    class Meta:
        model = Market
        fields = ("asset", "fiat", "exchange", "cadence_minutes")
        # A market that exists is a conflict, which the service tells, not a wrong input.
        validators: list = []
        extra_kwargs = {"cadence_minutes": {"max_value": 1440}}


class MarketUpdateInput(Input):
    cadence_minutes = serializers.IntegerField(min_value=1, max_value=1440)


class PriceRowInput(serializers.Serializer):
    """Documents a posted quote; price_bulk_add checks it."""

    market = MarketRef()
    timestamp = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field]:
        return {**super().get_fields(), **figure_fields(required=False, allow_null=True)}


class PriceBulkInput(MarketInput):
    rows = PriceRowInput(many=True)


class TokenInput(Input):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(
        max_length=200, trim_whitespace=False, style={"input_type": "password"}
    )
