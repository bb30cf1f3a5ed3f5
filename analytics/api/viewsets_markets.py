"""Markets and their quotes."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema_view,
)
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.filters import MarketFilter, PriceFilter
from analytics.api.pagination import TimeCursor
from analytics.api.parsers import json_kind, merged_input, query_input
from analytics.api.schema import documented, query_of
from analytics.api.serializers import (
    MarketDetailSerializer,
    MarketSerializer,
    PriceSerializer,
)
from analytics.api.serializers_input import (
    DaysInput,
    MarketCreateInput,
    MarketInput,
    MarketUpdateInput,
    PriceBulkInput,
    PriceRowInput,
)
from analytics.api.serializers_market import AccuracyAnswer, AuditAnswer, BulkAnswer
from analytics.api.views import checked, read
from analytics.api.viewsets import ReadResource, Resource
from analytics.exceptions import InvalidInput
from analytics.models import Market, PriceHistory
from analytics.selectors.prices import market_freshness, market_get, market_list, price_list
from analytics.services.forecasts.accuracy import accuracy_of
from analytics.services.prices import importing as prices
from analytics.services.prices.auditing import data_audit
from analytics.services.prices.markets import market_change, market_create

#: A quote as a collector posts it.
QUOTE_EXAMPLE = {
    "market": "USDT/BOB@binance_p2p",
    "timestamp": "2026-05-01T12:00:00Z",
    **{column.name: column.example for column in PriceHistory.SCHEMA if column.side},
}


@extend_schema_view(
    list=documented("Markets", MarketSerializer(many=True)),
    retrieve=documented("One market and how fresh it is", MarketDetailSerializer, fails=(404,)),
)
class MarketViewSet(ReadResource):
    queryset = Market.objects.none()
    serializer_class = MarketSerializer
    filterset_class = MarketFilter
    ordering_fields = ("id", "asset", "fiat", "exchange", "created_at")
    staff_actions = ("create", "partial_update")

    def get_queryset(self) -> QuerySet[Market]:
        return market_list()

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._detail(self.get_object())

    @documented(
        "Add a market",
        MarketDetailSerializer,
        status=201,
        request=MarketCreateInput,
        fails=(400, 409),
    )
    def create(self, request: Request) -> Response:
        names = MarketCreateInput.Meta.fields
        values = checked(MarketCreateInput, merged_input(request, allowed=names))
        market = market_create(**values)
        return self._detail(market, status.HTTP_201_CREATED)

    @documented(
        "Change the cadence of a market",
        MarketDetailSerializer,
        request=MarketUpdateInput,
        fails=(400, 404),
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        market = self.get_object()
        values = read(request, MarketUpdateInput)
        return self._detail(market_change(market=market, **values))

    @documented("What the quotes of a market are like", AuditAnswer, fails=(400, 404))
    @action(detail=True, methods=["get"])
    def audit(self, request: Request, pk: str) -> Response:
        query_input(request, allowed=())
        return Response(data_audit(market=self.get_object()))

    @documented(
        "How good the stored forecasts were, per task and horizon",
        AccuracyAnswer,
        parameters=query_of(DaysInput),
        fails=(400, 404),
    )
    @action(detail=True, methods=["get"])
    def accuracy(self, request: Request, pk: str) -> Response:
        asked = checked(DaysInput, query_input(request, allowed=("days",)))
        return Response(accuracy_of(market=self.get_object(), **asked))

    def _detail(self, market: Market, code: int = 200) -> Response:
        context = {**self.get_serializer_context(), "freshness": market_freshness(market)}
        return Response(MarketDetailSerializer(market, context=context).data, status=code)


@extend_schema_view(
    list=documented(
        "Quotes of one market by time",
        PriceSerializer(many=True),
        parameters=[
            *query_of(MarketInput),
            OpenApiParameter("ordering", OpenApiTypes.STR, enum=["timestamp", "-timestamp"]),
        ],
        fails=(400, 404),
    )
)
class PriceViewSet(mixins.ListModelMixin, Resource):
    """One market at a time, so that a page is one step along its index, however many there are."""

    queryset = PriceHistory.objects.none()
    serializer_class = PriceSerializer
    filterset_class = PriceFilter
    pagination_class = TimeCursor
    page_names = ("market", "cursor", "page_size", "ordering")
    ordering = ("-timestamp",)
    ordering_fields = ("timestamp",)
    ordering_is_unique = True
    staff_actions = ("create",)

    def get_queryset(self) -> QuerySet[PriceHistory]:
        return price_list().filter(market=self.market)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = {k: v for k, v in request.query_params.items() if k == "market"}
        wanted = checked(MarketInput, given)
        self.market = market_get(wanted.get("market"))
        return super().list(request, *args, **kwargs)

    @documented(
        "Add quotes: a list of rows, or a market and its rows",
        BulkAnswer,
        parameters=query_of(MarketInput),
        request=PolymorphicProxySerializer(
            "PriceBulk", [PriceBulkInput, PriceRowInput(many=True)], None, many=False
        ),
        examples=[OpenApiExample("A reading", [QUOTE_EXAMPLE], request_only=True)],
        fails=(400, 404, 413),
    )
    def create(self, request: Request) -> Response:
        rows, ref = _rows(request)
        market = market_get(ref) if ref is not None else None
        report = prices.price_bulk_add(rows=rows, market=market)
        return Response(dataclasses.asdict(report))


def _rows(request: Request) -> tuple[list[dict[str, Any]], str | None]:
    """(rows, market or None) of a bare list or of an object; every row must be an object."""
    if isinstance(request.data, list):
        rows, values = request.data, dict(query_input(request, allowed=("market",)))
    else:
        values = merged_input(request, allowed=("market", "rows"), body_only=("rows",))
        rows = values.pop("rows", None)
    if not isinstance(rows, list) or not rows:
        raise InvalidInput(
            _("Send a list of quotes, or an object with a list named rows."),
            "bad_shape",
            {"rows": _("Must be a list with at least one quote.")},
        )
    wrong = {
        f"rows.{number}": _("Must be an object, not %(kind)s.") % {"kind": json_kind(row)}
        for number, row in enumerate(rows)
        if not isinstance(row, dict)
    }
    if wrong:
        shown = dict(list(wrong.items())[:20])
        raise InvalidInput(_("Every quote must be an object."), "bad_shape", shown)
    return rows, checked(MarketInput, values).get("market")
