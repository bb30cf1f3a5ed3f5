"""Shapes of the answers that services make ready for JSON; they document, and render nothing."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from analytics.models.choices import Task


class QueuedAnswer(serializers.Serializer):
    run_id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=["queued"])
    status_url = serializers.CharField(help_text="Ask here how far it is.")


class AnsweredBy(serializers.Serializer):
    id = serializers.IntegerField()
    version = serializers.IntegerField()
    family = serializers.CharField()
    status = serializers.CharField(help_text="candidate, active or retired.")
    source = serializers.CharField(help_text="network, or baseline where no network beat it.")
    name = serializers.CharField()


class _Answer(serializers.Serializer):
    market = serializers.CharField()
    model = AnsweredBy()
    generated_at = serializers.DateTimeField()
    device = serializers.CharField()
    latency_ms = serializers.FloatField()


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


class _ForecastAnswer(_Answer):
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


class ScanAnswer(_Answer):
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


class RecognizeAnswer(_Answer):
    stale = serializers.BooleanField()
    current = FoundPattern()
    history = FoundPattern(many=True)
    analogues = FoundAnalogues(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())


class MarketModels(serializers.Serializer):
    market = serializers.CharField()
    step_minutes = serializers.IntegerField()
    tasks = serializers.DictField(
        child=serializers.DictField(),
        help_text="By task: status (active, baseline or none), version, trained_at, metrics and "
        "baseline, input_columns and window; or the line that trains one.",
    )


class ModelInfoAnswer(serializers.Serializer):
    device = serializers.DictField()
    serve_device = serializers.CharField()
    horizons_steps = serializers.ListField(child=serializers.IntegerField())
    quantiles = serializers.ListField(child=serializers.FloatField())
    markets = MarketModels(many=True)


class Parameter(serializers.Serializer):
    name = serializers.CharField()
    type = serializers.CharField()
    default = serializers.JSONField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    help = serializers.CharField()


class FamilyAnswer(serializers.Serializer):
    name = serializers.CharField()
    task = serializers.ChoiceField(choices=Task.choices)
    title = serializers.CharField()
    baseline = serializers.CharField()
    primary_metric = serializers.CharField()
    higher_is_better = serializers.BooleanField()
    parameters = Parameter(many=True)


class TokenAnswer(serializers.Serializer):
    token = serializers.CharField(help_text="Send it as `Authorization: Token ...`.")
