"""Find anomalies, in stored history or in a posted sequence."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.dl.shared import Answer, SequenceInput, answered
from analytics.api.fields import FiniteFloat, Moment
from analytics.api.inputs import chosen_market, read
from analytics.api.views import ApiView
from analytics.services.anomalies import scan


class ScanInput(SequenceInput):
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


class ExpectedValue(serializers.Serializer):
    observed = serializers.FloatField(allow_null=True)
    value = serializers.FloatField(allow_null=True)
    lower = serializers.FloatField(allow_null=True)
    upper = serializers.FloatField(allow_null=True)


class FoundAnomaly(serializers.Serializer):
    timestamp = serializers.DateTimeField()
    score = serializers.FloatField()
    severity = serializers.CharField(help_text="low, medium, high or critical.")
    kind = serializers.CharField()
    text = serializers.CharField()
    expected = serializers.DictField(child=ExpectedValue())
    contributions = serializers.DictField(child=serializers.FloatField())


class FoundEvent(serializers.Serializer):
    id = serializers.IntegerField(
        allow_null=True, help_text="Of the stored event; null in a posted sequence."
    )
    start = serializers.DateTimeField()
    peak = serializers.DateTimeField(help_text="Its strangest row, which names it.")
    end = serializers.DateTimeField()
    open = serializers.BooleanField(help_text="Not yet normal again for long enough.")
    rows = serializers.IntegerField()
    score = serializers.FloatField()
    severity = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField()
    expected = serializers.DictField(child=ExpectedValue(), help_text="At the peak.")


class ScanAnswer(Answer):
    mode = serializers.CharField()
    rows = serializers.IntegerField()
    threshold = serializers.FloatField(
        allow_null=True,
        help_text="The score from which a row is an anomaly; null while no row has a score.",
    )
    warming_up = serializers.BooleanField(help_text="There is not enough history yet.")
    needed = serializers.IntegerField(
        allow_null=True, help_text="Readings without which no row has a score, if they lack."
    )
    present = serializers.IntegerField(allow_null=True)
    last_score = serializers.FloatField(allow_null=True)
    count = serializers.IntegerField()
    stored_new = serializers.IntegerField()
    events = FoundEvent(many=True, help_text="Strange rows close together are one event.")
    anomalies = FoundAnomaly(many=True)

    def get_fields(self) -> dict[str, Any]:
        span = {name: serializers.DateTimeField(allow_null=True) for name in ("from", "to")}
        return {**super().get_fields(), **span}


class DetectAnomalies(ApiView):
    name = _("Detect anomalies")

    @answered(
        "Find anomalies in stored history or in a posted sequence",
        ScanAnswer,
        ScanInput,
        "dl_detect_anomalies",
    )
    def post(self, request: Request) -> Response:
        values = read(request, ScanInput)
        market = chosen_market(values)
        span = {"start": values.pop("from", None), "end": values.pop("to", None)}
        return Response(scan.anomaly_scan(market=market, **span, **values))
