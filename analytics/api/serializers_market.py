"""What is answered about a market: rows taken, its data audit, how its forecasts fared."""

from __future__ import annotations

from rest_framework import serializers


class BulkAnswer(serializers.Serializer):
    new = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()


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
