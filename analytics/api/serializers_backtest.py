"""Backtests: what is asked for, and rows as the API shows them."""

from __future__ import annotations

from django.urls import reverse
from rest_framework import serializers

from analytics.api.serializers import OfMarketSerializer
from analytics.api.serializers_input import MarketInput, Moment
from analytics.models import BacktestRun

FILES = ("predictions", "report", "chart")


class BacktestInput(MarketInput):
    """Any parameter of the task's family (see /families) may stand beside these."""

    task = serializers.ChoiceField(choices=BacktestRun.Task.choices)
    refit_every = serializers.CharField(
        required=False, max_length=8, help_text="Days between fits, e.g. 30d; fitted once without."
    )
    origin_step = serializers.IntegerField(
        required=False, min_value=1, max_value=10_000, help_text="Grid steps between origins."
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        # `from` is no name that Python lets a class body use.
        return {
            **super().get_fields(),
            "from": Moment(help_text="First origin; the model learns from what came before."),
            "to": Moment(help_text="Origins and their targets lie before it."),
        }


class BacktestSerializer(OfMarketSerializer):
    requested_by = serializers.CharField(
        source="requested_by.username", read_only=True, allow_null=True, default=None
    )
    seconds = serializers.FloatField(read_only=True, allow_null=True)
    refit_days = serializers.SerializerMethodField()
    # `from` is no name that Python lets a class body use.
    locals().update(
        {
            "from": serializers.DateTimeField(source="start", read_only=True),
            "to": serializers.DateTimeField(source="end", read_only=True),
        }
    )

    class Meta:
        model = BacktestRun
        fields = (
            "id",
            "market",
            "market_id",
            "task",
            "from",
            "to",
            "step_minutes",
            "refit_days",
            "origin_step",
            "status",
            "stage",
            "progress",
            "eta_seconds",
            "seconds",
            "heartbeat_at",
            "attempts",
            "cancel_requested",
            "error_code",
            "error_message",
            "requested_by",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields

    def get_refit_days(self, run: BacktestRun) -> int | None:
        return None if run.refit_every is None else run.refit_every.days


class BacktestDetailSerializer(BacktestSerializer):
    """With what is too long for a list: parameters, figures and where the files are."""

    figures = serializers.ListField(
        child=serializers.DictField(),
        read_only=True,
        help_text="A line per horizon and set of targets (all, clean, fresh), beside baselines.",
    )
    files = serializers.SerializerMethodField()

    class Meta(BacktestSerializer.Meta):
        fields = (*BacktestSerializer.Meta.fields, "params", "figures", "files")
        read_only_fields = fields

    def get_files(self, run: BacktestRun) -> dict[str, str]:
        """Addresses of predictions, report and chart, once there are any."""
        if not run.folder:
            return {}
        return {name: reverse(f"api:backtest-{name}", args=[run.pk]) for name in FILES}
