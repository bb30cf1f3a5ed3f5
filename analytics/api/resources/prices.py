"""Quotes: read by time, added in bulk."""

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
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.fields import MarketInput, MarketRef
from analytics.api.filters import SpanFilter
from analytics.api.inputs import checked, merged_input, query_input
from analytics.api.pagination import TimeCursor
from analytics.api.parsers import json_kind
from analytics.api.schema import documented, query_of
from analytics.api.views import Resource
from analytics.exceptions import InvalidInput
from analytics.models import PriceHistory
from analytics.selectors.prices import market_get, price_list
from analytics.services.prices import importing as prices

#: Markets of one posting: new ones are made in its transaction, and others wait for that.
MOST_MARKETS = 100
#: A quote as a collector posts it.
QUOTE_EXAMPLE = {
    "market": "USDT/BOB@binance_p2p",
    "timestamp": "2026-05-01T12:00:00Z",
    **{column.name: column.example for column in PriceHistory.SCHEMA if column.side},
}


def figure_fields(**options: Any) -> dict[str, serializers.Field]:
    """A number for every figure that a quote may have."""
    return {
        column.name: (serializers.FloatField if column.places else serializers.IntegerField)(
            help_text=f"{column.help} Unit: {column.unit}.", **options
        )
        for column in PriceHistory.SCHEMA
    }


class PriceSerializer(serializers.ModelSerializer):
    market = serializers.CharField(source="market.symbol", read_only=True)

    class Meta:
        model = PriceHistory
        fields = ("market", "timestamp")
        read_only_fields = fields

    def get_fields(self) -> dict[str, serializers.Field]:
        derived = {n: serializers.FloatField(allow_null=True) for n in ("avg_price", "spread_pct")}
        return {**super().get_fields(), **figure_fields(allow_null=True), **derived}


class PriceRowInput(serializers.Serializer):
    """Documents a posted quote; price_bulk_add checks it."""

    market = MarketRef()
    timestamp = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field]:
        return {**super().get_fields(), **figure_fields(required=False, allow_null=True)}


class PriceBulkInput(MarketInput):
    rows = PriceRowInput(many=True)


class BulkAnswer(serializers.Serializer):
    new = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()


class PriceFilter(SpanFilter):
    """The market itself is resolved by the view, which needs it to read one index."""


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
    named = {row["market"] for row in rows if isinstance(row.get("market"), str)}
    if len(named) > MOST_MARKETS:
        raise InvalidInput(
            _("At most %(most)s markets at once, not %(n)s.")
            % {"most": MOST_MARKETS, "n": len(named)},
            "too_many_markets",
            {"rows": _("at most %(limit)s") % {"limit": MOST_MARKETS}},
        )
    return rows, checked(MarketInput, values).get("market")
