"""Forecast the price or the spread."""

from __future__ import annotations

from typing import ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.dl.shared import Answer, SequenceInput, answered
from analytics.api.fields import Moment
from analytics.api.inputs import chosen_market, read
from analytics.api.views import ApiView
from analytics.models.choices import Task
from analytics.retelling import retold
from analytics.services.forecasts import prediction


class PredictInput(SequenceInput):
    at = Moment(required=False, help_text="Predict from the last quote at or before this moment.")


class PriceHorizon(serializers.Serializer):
    steps = serializers.IntegerField()
    minutes = serializers.IntegerField()
    at = serializers.DateTimeField()
    price = serializers.FloatField()
    quantiles = serializers.DictField(child=serializers.FloatField())


class SpreadHorizon(serializers.Serializer):
    steps = serializers.IntegerField()
    minutes = serializers.IntegerField()
    at = serializers.DateTimeField()
    spread_pct = serializers.FloatField()
    quantiles = serializers.DictField(child=serializers.FloatField())


class _ForecastAnswer(Answer):
    task = serializers.CharField()
    as_of = serializers.DateTimeField()
    stale = serializers.BooleanField()
    unit = serializers.CharField()
    last_value = serializers.FloatField()
    novelty = serializers.FloatField(
        allow_null=True,
        help_text="How far the input lies from the training data: 1 is its edge, beyond 1.25 "
        "intervals widen. null where the baseline answers.",
    )
    notes = serializers.ListField(child=serializers.CharField())


class PriceAnswer(_ForecastAnswer):
    predicted_price = serializers.FloatField()
    horizons = PriceHorizon(many=True)


class SpreadAnswer(_ForecastAnswer):
    predicted_spread_pct = serializers.FloatField()
    horizons = SpreadHorizon(many=True)


class _Predict(ApiView):
    task: ClassVar[str]

    def post(self, request: Request) -> Response:
        values = read(request, PredictInput)
        market = chosen_market(values)
        answer = prediction.forecast_make(task=self.task, market=market, **values)
        return Response({**answer, "notes": [retold(note) for note in answer["notes"]]})


@extend_schema_view(
    post=answered("Forecast the price", PriceAnswer, PredictInput, "dl_predict_price")
)
class PredictPrice(_Predict):
    name = _("Forecast the price")
    task = Task.PRICE


@extend_schema_view(
    post=answered("Forecast the spread", SpreadAnswer, PredictInput, "dl_predict_spread")
)
class PredictSpread(_Predict):
    name = _("Forecast the spread")
    task = Task.SPREAD
