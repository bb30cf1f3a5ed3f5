"""Name what a market is doing."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.dl.shared import Answer, OriginInput, answered
from analytics.api.inputs import chosen_market, read
from analytics.api.views import ApiView
from analytics.retelling import retold
from analytics.services import patterns


class RecognizeInput(OriginInput):
    history = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=1000,
        help_text="How many earlier recognitions to add.",
    )


class HeldName(serializers.Serializer):
    name = serializers.CharField()
    since = serializers.DateTimeField()


class FoundPattern(serializers.Serializer):
    as_of = serializers.DateTimeField()
    label = serializers.CharField()
    probability = serializers.FloatField()
    clear = serializers.BooleanField()
    heads = serializers.DictField(child=serializers.DictField(child=serializers.FloatField()))
    held = serializers.DictField(
        child=HeldName(), help_text="The steadier name of each aspect; it changes with a margin."
    )


class FoundAnalogue(serializers.Serializer):
    as_of = serializers.DateTimeField()
    distance = serializers.FloatField()
    before = serializers.ListField(child=serializers.FloatField())
    after = serializers.ListField(child=serializers.FloatField())
    move = serializers.FloatField(help_text="Log move over the day that followed.")


class FoundAnalogues(serializers.Serializer):
    nearest = FoundAnalogue(many=True)
    count = serializers.IntegerField()
    quantiles = serializers.DictField(
        child=serializers.FloatField(), help_text="Log move of the next day after similar moments."
    )
    any_quantiles = serializers.DictField(
        child=serializers.FloatField(), help_text="The same after any moment."
    )
    proven = serializers.BooleanField(
        help_text="Whether they beat a random choice of the same regime where it was measured."
    )
    gain = serializers.ListField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="Difference in CRPS there, and its 95 % interval; below 0 is better.",
    )


class RecognizeAnswer(Answer):
    stale = serializers.BooleanField()
    current = FoundPattern()
    history = FoundPattern(many=True)
    analogues = FoundAnalogues(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())


class RecognizePatterns(ApiView):
    name = _("Recognise patterns")

    @answered("Name the present pattern", RecognizeAnswer, RecognizeInput, "dl_recognize_patterns")
    def post(self, request: Request) -> Response:
        values = read(request, RecognizeInput)
        market = chosen_market(values)
        answer = patterns.pattern_recognize(market=market, **values)
        return Response({**answer, "notes": [retold(note) for note in answer["notes"]]})
