"""Backtests: asked for, followed, cancelled, and their files."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from analytics.api.filters import BacktestFilter
from analytics.api.parsers import query_input
from analytics.api.schema import documented, query_of
from analytics.api.serializers_answer import QueuedAnswer
from analytics.api.serializers_backtest import (
    BacktestDetailSerializer,
    BacktestInput,
    BacktestSerializer,
)
from analytics.api.serializers_input import Input
from analytics.api.views import caller, chosen_market, read
from analytics.api.views_dl import read_with_params
from analytics.api.viewsets import ReadResource
from analytics.models import BacktestRun
from analytics.selectors.runs import backtest_list
from analytics.services.jobs import backtest_plans, backtests, lifecycle

_ACTS = (400, 404, 409)
_GONE = (400, 404)
_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@extend_schema_view(
    list=documented("Backtests, newest first", BacktestSerializer(many=True)),
    retrieve=documented("One backtest, with figures", BacktestDetailSerializer, fails=(404,)),
)
class BacktestViewSet(ReadResource):
    queryset = BacktestRun.objects.none()
    serializer_class = BacktestSerializer
    filterset_class = BacktestFilter
    ordering_fields = ("id", "created_at", "finished_at", "status")
    staff_actions = ("create", "cancel")

    def get_queryset(self) -> QuerySet[BacktestRun]:
        rows = backtest_list()
        return rows.defer("figures", "params") if self.action == "list" else rows

    def get_serializer_class(self) -> type[BaseSerializer]:
        return BacktestSerializer if self.action == "list" else BacktestDetailSerializer

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
        url = reverse("api:backtest-detail", args=[run.pk])
        return Response(
            {"run_id": run.pk, "status": run.status, "status_url": url},
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": url},
        )

    @documented("Cancel a backtest", BacktestDetailSerializer, request=None, fails=_ACTS)
    @action(detail=True, methods=["post"])
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
    @action(detail=True, methods=["get"])
    def predictions(self, request: Request, pk: str) -> FileResponse:
        return self._file(request, "predictions", "application/gzip")

    @documented(
        "Its report: one HTML page", OpenApiTypes.STR, status=(200, "text/html"), fails=_GONE
    )
    @action(detail=True, methods=["get"])
    def report(self, request: Request, pk: str) -> FileResponse:
        return self._file(request, "report", "text/html; charset=utf-8")

    @documented(
        "The charts of its report", OpenApiTypes.BINARY, status=(200, "image/png"), fails=_GONE
    )
    @action(detail=True, methods=["get"])
    def chart(self, request: Request, pk: str) -> FileResponse:
        return self._file(request, "chart", "image/png")

    def _file(self, request: Request, name: str, kind: str) -> Any:
        query_input(request, allowed=())
        run = self.get_object()
        path = backtest_plans.backtest_file(run=run, name=name)
        answer = FileResponse(path.open("rb"), content_type=kind)
        answer["Content-Disposition"] = f'inline; filename="backtest-{run.pk}-{path.name}"'
        answer["Content-Security-Policy"] = _CSP
        return answer
