"""Forecast the price or the spread."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.answers import ErrorSerializer
from analytics.api.dl.shared import Answer, OriginInput, answered
from analytics.api.errors import refusal
from analytics.api.fields import MarketRefs
from analytics.api.inputs import chosen_market, read, refuse_beside
from analytics.api.views import ApiView
from analytics.models.choices import Task
from analytics.retelling import retold
from analytics.services.forecasts import prediction, together

#: Of one request. Those with new quotes are forecast one after the other while the caller waits.
MOST_MARKETS = 100


class PredictInput(OriginInput):
    markets = MarketRefs(
        required=False,
        max_length=MOST_MARKETS,
        help_text="Ids or symbols of several markets in place of `market`, each once.",
    )


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


class FailedMarket(ErrorSerializer):
    market = serializers.CharField(help_text="As it was asked for.")


class PriceAnswers(serializers.Serializer):
    forecasts = PriceAnswer(many=True, help_text="In the order asked for, each as alone.")
    failed = FailedMarket(many=True, help_text="Markets without an answer, and why.")


class SpreadAnswers(serializers.Serializer):
    forecasts = SpreadAnswer(many=True, help_text="In the order asked for, each as alone.")
    failed = FailedMarket(many=True, help_text="Markets without an answer, and why.")


def _either(name: str, *answers: type[serializers.Serializer]) -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(name, list(answers), resource_type_field_name=None)


class _Predict(ApiView):
    task: ClassVar[str]

    def post(self, request: Request) -> Response:
        values = read(request, PredictInput)
        refuse_beside("markets", ("market", "sequence"), values)
        if "markets" in values:
            made = together.forecasts_make(task=self.task, **values)
            return _several(made, request)
        market = chosen_market(values)
        return Response(_told(prediction.forecast_make(task=self.task, market=market, **values)))


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    """With what the network says of it in the reader's language."""
    return {**answer, "notes": [retold(note) for note in answer["notes"]]}


def _several(made: together.Together, request: Request) -> Response:
    """What could be answered, and beside it each of the others as it would be refused alone. Where
    none could be, the refusal of the first."""
    refused = {ref: refusal(error, {"request": request}) for ref, error in made.failed.items()}
    failed: list[dict[str, Any]] = [
        {"market": ref, **answer.data} for ref, answer in refused.items()
    ]
    if made.forecasts:
        return Response({"forecasts": [_told(one) for one in made.forecasts], "failed": failed})
    first = next(iter(refused.values()))
    first.data["failed"] = failed
    return first


@extend_schema_view(
    post=answered(
        "Forecast the price",
        _either("PriceOrPrices", PriceAnswer, PriceAnswers),
        PredictInput,
        "dl_predict_price",
    )
)
class PredictPrice(_Predict):
    name = _("Forecast the price")
    task = Task.PRICE


@extend_schema_view(
    post=answered(
        "Forecast the spread",
        _either("SpreadOrSpreads", SpreadAnswer, SpreadAnswers),
        PredictInput,
        "dl_predict_spread",
    )
)
class PredictSpread(_Predict):
    name = _("Forecast the spread")
    task = Task.SPREAD
