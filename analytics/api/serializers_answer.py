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


class BulkAnswer(serializers.Serializer):
    new = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()


class TokenAnswer(serializers.Serializer):
    token = serializers.CharField(help_text="Send it as `Authorization: Token ...`.")


class FoundFinding(serializers.Serializer):
    level = serializers.CharField(help_text="note, warning or error.")
    code = serializers.CharField()
    text = serializers.CharField()


class AuditAnswer(serializers.Serializer):
    market = serializers.CharField()
    rows = serializers.IntegerField()
    grid_rows = serializers.IntegerField()
    step_minutes = serializers.IntegerField()
    inferred_step_minutes = serializers.IntegerField()
    data_from = serializers.DateTimeField()
    data_until = serializers.DateTimeField()
    columns = serializers.ListField(child=serializers.CharField())
    gap_median = serializers.FloatField(help_text="Minutes between quotes; so are the next two.")
    gap_p95 = serializers.FloatField()
    gap_longest = serializers.FloatField()
    missing_share = serializers.FloatField()
    fresh_share = serializers.FloatField()
    one_sided_share = serializers.FloatField(allow_null=True)
    crossed_share = serializers.FloatField(allow_null=True)
    jump_share = serializers.FloatField()
    stuck_longest = serializers.FloatField(help_text="Minutes without any change of the price.")
    season_price = serializers.FloatField()
    season_spread = serializers.FloatField(allow_null=True)
    enough = serializers.DictField(child=serializers.BooleanField())
    findings = FoundFinding(many=True)


class HorizonAccuracy(serializers.Serializer):
    task = serializers.CharField()
    source = serializers.CharField()
    horizon = serializers.IntegerField(help_text="Steps.")
    minutes = serializers.IntegerField()
    n = serializers.IntegerField()
    mae = serializers.FloatField()
    naive_mae = serializers.FloatField(help_text="Of the last value, on the same rows.")
    skill = serializers.FloatField(allow_null=True, help_text="Below 1 is better than it.")
    mean_crps = serializers.FloatField()
    coverage_80 = serializers.FloatField()
    coverage_90 = serializers.FloatField()


class HorizonDrift(serializers.Serializer):
    horizon = serializers.IntegerField(help_text="Steps.")
    n = serializers.IntegerField()
    independent = serializers.FloatField(help_text="Of the n; forecasts share their future.")
    skill = serializers.FloatField(allow_null=True)
    skill_trained = serializers.FloatField(allow_null=True, help_text="When it was trained.")
    coverage_80 = serializers.FloatField()
    band_80 = serializers.ListField(
        child=serializers.FloatField(), help_text="What chance allows an honest interval."
    )
    coverage_90 = serializers.FloatField()
    band_90 = serializers.ListField(child=serializers.FloatField())
    found = serializers.ListField(child=serializers.CharField())


class DriftAnswer(serializers.Serializer):
    task = serializers.CharField()
    model_id = serializers.IntegerField(allow_null=True, help_text="The active version.")
    version = serializers.IntegerField(allow_null=True)
    enough = serializers.BooleanField(help_text="Enough independent forecasts to say anything.")
    drifted = serializers.BooleanField()
    reasons = serializers.ListField(
        child=serializers.CharField(),
        help_text="coverage_80_low, coverage_80_high, the same of 90, worse_than_last_value, "
        "worse_than_trained.",
    )
    horizons = HorizonDrift(many=True)


class AccuracyAnswer(serializers.Serializer):
    market = serializers.CharField()
    days = serializers.IntegerField()
    horizons = HorizonAccuracy(many=True)
    drift = DriftAnswer(many=True)
