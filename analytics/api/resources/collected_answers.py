"""Answers of what collecting makes of a market."""

from __future__ import annotations

from rest_framework import serializers

from analytics.api.resources.sources import LevelAnswer


class OfBook(serializers.Serializer):
    market = serializers.CharField()
    venue = serializers.CharField()
    as_of = serializers.DateTimeField(help_text="When the book was read.")
    age_seconds = serializers.FloatField()
    stale = serializers.BooleanField(help_text="Too old to be an offer.")


class UsedAd(serializers.Serializer):
    ad = serializers.CharField(help_text="A keyed hash; so is the next.")
    advertiser = serializers.CharField()
    price = serializers.FloatField()
    fiat = serializers.FloatField()
    asset = serializers.FloatField()
    payment_methods = serializers.ListField(child=serializers.CharField())


class PricePoint(serializers.Serializer):
    at = serializers.DateTimeField()
    price = serializers.FloatField(allow_null=True)


class DayAnswer(serializers.Serializer):
    points = PricePoint(many=True)
    change = serializers.FloatField(allow_null=True, help_text="0.01 is one percent up.")


class AmountAnswer(OfBook):
    side = serializers.CharField()
    currency = serializers.CharField()
    amount = serializers.FloatField()
    filled = serializers.FloatField()
    remainder = serializers.FloatField(help_text="What could not be used.")
    complete = serializers.BooleanField()
    fiat = serializers.FloatField(help_text="What is paid or got.")
    asset = serializers.FloatField(help_text="What is got or given.")
    price = serializers.FloatField(allow_null=True)
    best = serializers.FloatField(allow_null=True, help_text="The best usable ad's.")
    slippage = serializers.FloatField(allow_null=True, help_text="Worse than it by, a fraction.")
    least = serializers.FloatField(allow_null=True, help_text="Smallest order, in fiat.")
    most = serializers.FloatField(help_text="Largest amount, in fiat.")
    proven = serializers.BooleanField(help_text="No better set of ads exists.")
    dropped = serializers.DictField(child=serializers.IntegerField())
    orders = UsedAd(many=True)
    day = DayAnswer(help_text="The same amount in the 24 hours before.")


class DepthAnswer(OfBook):
    payment = serializers.CharField(allow_blank=True)
    methods = serializers.DictField(
        child=serializers.DictField(child=serializers.FloatField()),
        help_text="By side and payment method: what its ads take, in fiat.",
    )
    ask = LevelAnswer(many=True)
    bid = LevelAnswer(many=True)


class LegAnswer(serializers.Serializer):
    venue = serializers.CharField()
    market = serializers.CharField()
    given = serializers.FloatField()
    got = serializers.FloatField()
    price = serializers.FloatField()
    as_of = serializers.DateTimeField()
    assured = serializers.BooleanField(help_text="Ads take exactly this amount.")


class ChanceAnswer(serializers.Serializer):
    start = serializers.FloatField()
    end = serializers.FloatField()
    rate = serializers.FloatField()
    gain = serializers.FloatField(allow_null=True, help_text="Of the start, a fraction.")
    beats = serializers.FloatField(allow_null=True, help_text="Better than the known cross rate.")
    assured = serializers.BooleanField()
    buy = LegAnswer()
    sell = LegAnswer()


class ChancesAnswer(serializers.Serializer):
    market = serializers.CharField()
    amount = serializers.FloatField()
    fiat = serializers.CharField()
    as_of = serializers.DateTimeField()
    max_age_seconds = serializers.IntegerField()
    across = ChanceAnswer(many=True)
    cycles = ChanceAnswer(many=True)
    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="Markets that are not fresh."
    )


class PlaceAnswer(serializers.Serializer):
    value = serializers.FloatField()
    percentile = serializers.FloatField(help_text="0 to 100.")
    low = serializers.FloatField()
    median = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()


class HourAnswer(serializers.Serializer):
    weekday = serializers.IntegerField(help_text="0 is Monday, UTC.")
    hour = serializers.IntegerField()
    percent = serializers.FloatField(help_text="From the seven days around it.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    proven = serializers.BooleanField(help_text="The interval leaves out zero.")


class HoursAnswer(serializers.Serializer):
    weeks = serializers.IntegerField()
    level = serializers.FloatField()
    best = HourAnswer()
    worst = HourAnswer()


class BothHoursAnswer(serializers.Serializer):
    buy = HoursAnswer(allow_null=True)
    sell = HoursAnswer(allow_null=True)


class ContextAnswer(serializers.Serializer):
    market = serializers.CharField()
    as_of = serializers.DateTimeField(help_text="The last quote.")
    age_minutes = serializers.FloatField()
    stale = serializers.BooleanField()
    days = serializers.IntegerField()
    rows = serializers.IntegerField()
    now = serializers.DictField(
        child=PlaceAnswer(allow_null=True),
        help_text="ask, bid, price, spread_pct, ask_volume, bid_volume.",
    )
    hours = BothHoursAnswer()


class GapAnswer(serializers.Serializer):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField(allow_null=True, help_text="Null while it lasts.")
    minutes = serializers.FloatField()


class GapsAnswer(serializers.Serializer):
    market = serializers.CharField()
    days = serializers.IntegerField()
    longer_than_minutes = serializers.FloatField()
    count = serializers.IntegerField()
    minutes = serializers.FloatField(help_text="All of them together.")
    gaps = GapAnswer(many=True)


class SourceStateAnswer(serializers.Serializer):
    id = serializers.IntegerField()
    venue = serializers.CharField()
    enabled = serializers.BooleanField()
    interval_seconds = serializers.IntegerField()
    last_attempt_at = serializers.DateTimeField(allow_null=True)
    last_success_at = serializers.DateTimeField(allow_null=True)
    next_due_at = serializers.DateTimeField(allow_null=True)
    readings = serializers.IntegerField()
    failures_in_a_row = serializers.IntegerField()
    last_error = serializers.CharField(allow_blank=True)
    last_error_reason = serializers.CharField(allow_blank=True)
    last_error_at = serializers.DateTimeField(allow_null=True)
    errors = serializers.DictField(child=serializers.IntegerField())
    venue_paused_until = serializers.DateTimeField(allow_null=True)


class CollectionAnswer(serializers.Serializer):
    market = serializers.CharField()
    last_quote_at = serializers.DateTimeField(allow_null=True)
    age_minutes = serializers.FloatField(allow_null=True)
    stale = serializers.BooleanField()
    limit_minutes = serializers.FloatField(help_text="From this age on it is stale.")
    source = SourceStateAnswer(allow_null=True)
