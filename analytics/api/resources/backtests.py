"""Backtests: asked for, followed, cancelled, and their files."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.answers import OfMarketSerializer, QueuedAnswer, queued
from analytics.api.fields import Input, MarketInput, Moment, Retold
from analytics.api.filters import OfMarket, SpanFilter
from analytics.api.inputs import caller, chosen_market, query_input, read, read_with_params
from analytics.api.schema import documented, query_of
from analytics.api.views import ReadResource
from analytics.models import BacktestRun
from analytics.pages.backtests import report_page
from analytics.selectors.runs import backtest_list
from analytics.services.jobs import backtest_files, backtests, lifecycle
from analytics.services.jobs.backtest_files import FILES

_ACTS = (400, 404, 409)
_GONE = (400, 404)
_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class BacktestInput(MarketInput):
    """Any parameter of the task's family (see /families) may stand beside these."""

    task = serializers.ChoiceField(choices=BacktestRun.Task.choices)
    refit_every = serializers.CharField(
        required=False, max_length=8, help_text="Days between fits, e.g. 30d; fitted once without."
    )
    origin_step = serializers.IntegerField(
        required=False, min_value=1, max_value=10_000, help_text="Grid steps between origins."
    )

    family = serializers.CharField(
        required=False, max_length=40, help_text="Model family; the task's own by default."
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
    error_message = Retold()
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
            "family",
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


class BacktestFilter(OfMarket, SpanFilter):
    moment = "created_at"
    task = filters.ChoiceFilter(choices=BacktestRun.Task.choices)
    status = filters.MultipleChoiceFilter(choices=BacktestRun.Status.choices)

    class Meta:
        model = BacktestRun
        fields: tuple = ()


@extend_schema_view(
    list=documented("Backtests, newest first", BacktestSerializer(many=True)),
    retrieve=documented("One backtest, with figures", BacktestDetailSerializer, fails=(404,)),
)
class BacktestViewSet(ReadResource):
    queryset = BacktestRun.objects.none()
    serializer_class = BacktestSerializer
    detail_serializer_class = BacktestDetailSerializer
    filterset_class = BacktestFilter
    ordering_fields = ("id", "created_at", "finished_at", "status")
    acts: ClassVar[dict[str, str]] = dict.fromkeys(("create", "cancel"), "change_backtestrun")

    def get_queryset(self) -> QuerySet[BacktestRun]:
        rows = backtest_list()
        return rows.defer("figures", "params") if self.action == "list" else rows

    @documented(
        "Backtest the forecasts of a market",
        QueuedAnswer,
        status=202,
        request=BacktestInput,
        parameters=query_of(BacktestInput),
        fails=_ACTS,
    )
    def create(self, request: Request) -> Response:
        values, params = read_with_params(request, BacktestInput)
        run = backtests.backtest_request(
            market=chosen_market(values),
            start=values.pop("from"),
            end=values.pop("to"),
            params=params,
            requested_by=caller(request),
            **values,
        )
        return queued(run, "backtest-detail")

    @documented("Cancel a backtest", BacktestDetailSerializer, request=None, fails=_ACTS)
    @action(detail=True, methods=["post"], name=_("Cancel"))
    def cancel(self, request: Request, pk: str) -> Response:
        read(request, Input)
        run = lifecycle.job_cancel(run=self.get_object(), by=caller(request))
        return Response(self.get_serializer(run).data)

    @documented(
        "Its predictions: csv, gzip",
        OpenApiTypes.BINARY,
        status=(200, "application/gzip"),
        fails=_GONE,
    )
    @action(detail=True, methods=["get"], name=_("Predictions"))
    def predictions(self, request: Request, pk: str) -> FileResponse:
        return self._file(request, "predictions", "application/gzip")

    @documented(
        "Its report: one HTML page", OpenApiTypes.STR, status=(200, "text/html"), fails=_GONE
    )
    @action(detail=True, methods=["get"], name=_("Report"))
    def report(self, request: Request, pk: str) -> HttpResponse:
        query_input(request, allowed=())
        run = self.get_object()
        # An account's own language: other pages of the API follow the cookie and the browser.
        with translation.override(request.reader.language or translation.get_language()):
            page = report_page(**vars(backtest_files.backtest_parts(run)))
        return _shown(HttpResponse(page), f"backtest-{run.pk}-report.html")

    @documented(
        "The charts of its report", OpenApiTypes.BINARY, status=(200, "image/png"), fails=_GONE
    )
    @action(detail=True, methods=["get"], name=_("Chart"))
    def chart(self, request: Request, pk: str) -> FileResponse:
        return self._file(request, "chart", "image/png")

    def _file(self, request: Request, name: str, kind: str) -> Any:
        query_input(request, allowed=())
        run = self.get_object()
        path = backtest_files.backtest_file(run=run, name=name)
        answer = FileResponse(path.open("rb"), content_type=kind)
        return _shown(answer, f"backtest-{run.pk}-{path.name}")


def _shown(answer: Any, filename: str) -> Any:
    answer["Content-Disposition"] = f'inline; filename="{filename}"'
    answer["Content-Security-Policy"] = _CSP
    return answer
