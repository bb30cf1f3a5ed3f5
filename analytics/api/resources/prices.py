"""Quotes: read by time, added in bulk."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

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
from analytics.api.parsers import QuoteFileParser, StrictJSONParser, json_kind
from analytics.api.resources.deletions import DeletePrices
from analytics.api.schema import documented, query_of
from analytics.api.views import Resource
from analytics.exceptions import InvalidInput
from analytics.models import Market, PriceHistory
from analytics.selectors.prices import market_get, market_known, price_list
from analytics.services.prices import posting
from analytics.services.prices.reading import ReadOptions, parse_columns

#: A quote as a collector posts it.
QUOTE_EXAMPLE = {
    "market": "USDT/BOB@binance_p2p",
    "timestamp": "2026-05-01T12:00:00Z",
    **{column.name: column.example for column in PriceHistory.SCHEMA if column.side},
}


def figure_fields(**options: Any) -> dict[str, serializers.Field]:
    """A number for every figure that a quote may have."""
    return {
        column.name: (serializers.IntegerField if column.whole else serializers.FloatField)(
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


class PostingInput(MarketInput):
    """How posted quotes are to be read, where they leave that open."""

    create_market = serializers.BooleanField(
        required=False, help_text="Make a market that is not known; else it is an error."
    )
    tz = serializers.CharField(
        required=False, max_length=64, help_text="Zone of times without one; UTC by default."
    )
    decimal = serializers.ChoiceField(required=False, choices=[".", ","])
    date_format = serializers.CharField(
        required=False, max_length=40, help_text="dmy, mdy, ymd or a strptime pattern."
    )
    columns = serializers.CharField(
        required=False, max_length=600, help_text="Which column is what: bid=compra,ask=venta."
    )
    delimiter = serializers.CharField(required=False, max_length=4, trim_whitespace=False)

    def options(self) -> ReadOptions | None:
        """What was said of it; None where nothing was."""
        names = ("tz", "decimal", "date_format", "delimiter")
        found = {n: self.validated_data[n] for n in names if self.validated_data.get(n)}
        columns = parse_columns(self.validated_data.get("columns", ""))
        return ReadOptions(**found, columns=columns) if found or columns else None


class PriceBulkInput(PostingInput):
    rows = PriceRowInput(many=True)


class BulkAnswer(serializers.Serializer):
    new = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    decisions = serializers.ListField(
        child=serializers.CharField(), help_text="How it was read, where that had to be decided."
    )
    created = serializers.ListField(child=serializers.CharField(), help_text="Markets made for it.")


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
class PriceViewSet(DeletePrices, mixins.ListModelMixin, Resource):
    """One market at a time, so that a page is one step along its index, however many there are."""

    queryset = PriceHistory.objects.none()
    serializer_class = PriceSerializer
    filterset_class = PriceFilter
    pagination_class = TimeCursor
    page_names = ("market", "cursor", "page_size", "ordering")
    ordering = ("-timestamp",)
    ordering_fields = ("timestamp",)
    ordering_is_unique = True
    acts: ClassVar[dict[str, str]] = dict.fromkeys(("create", "delete_many"), "change_pricehistory")
    parser_classes = (StrictJSONParser, QuoteFileParser)

    def get_queryset(self) -> QuerySet[PriceHistory]:
        return price_list().filter(market=self.market)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = {k: v for k, v in request.query_params.items() if k == "market"}
        wanted = checked(MarketInput, given)
        self.market = market_get(wanted.get("market"))
        return super().list(request, *args, **kwargs)

    @documented(
        "Add quotes: a list of rows, a market and its rows, or a file as text/csv",
        BulkAnswer,
        parameters=query_of(PostingInput),
        request={
            "application/json": PolymorphicProxySerializer(
                "PriceBulk", [PriceBulkInput, PriceRowInput(many=True)], None, many=False
            ),
            "text/csv": OpenApiTypes.BINARY,
        },
        examples=[OpenApiExample("A reading", [QUOTE_EXAMPLE], request_only=True)],
        fails=(400, 404, 413),
    )
    def create(self, request: Request) -> Response:
        if isinstance(request.data, bytes):
            asked = _asked(query_input(request, allowed=PostingInput.names()))
            report = posting.price_file_add(
                body=request.data,
                options=dataclasses.replace(
                    asked.options() or ReadOptions(), market=_symbol(asked)
                ),
                create_market=asked.validated_data.get("create_market", False),
            )
        else:
            rows, asked = _rows(request)
            report = posting.price_bulk_add(
                rows=_named(rows, asked),
                market=_market(asked),
                create_market=asked.validated_data.get("create_market", False),
                options=asked.options(),
            )
        return Response(dataclasses.asdict(report))


def _asked(values: dict[str, Any]) -> PostingInput:
    form = PostingInput(data=values)
    form.is_valid(raise_exception=True)
    return form


def _market(asked: PostingInput) -> Market | None:
    """The market that is asked for, if it is there or must be; None where rows name theirs or where
    it is to be created (see _named)."""
    ref = asked.validated_data.get("market")
    if ref is None or (asked.validated_data.get("create_market") and market_known(ref) is None):
        return None
    return market_get(ref)


def _named(rows: list[dict[str, Any]], asked: PostingInput) -> list[dict[str, Any]]:
    """The rows, told their market where it is yet to be created."""
    ref = asked.validated_data.get("market")
    if ref is None or _market(asked) is not None:
        return rows
    return [{"market": ref, **row} for row in rows]


def _symbol(asked: PostingInput) -> str | None:
    """ASSET/FIAT@exchange of the market that is asked for."""
    market = _market(asked)
    return asked.validated_data.get("market") if market is None else market.symbol


def _rows(request: Request) -> tuple[list[dict[str, Any]], PostingInput]:
    """The rows of a bare list or of an object, every one an object, and what is asked of them."""
    names = PostingInput.names()
    if isinstance(request.data, list):
        rows, values = request.data, dict(query_input(request, allowed=names))
    else:
        values = merged_input(request, allowed=(*names, "rows"), body_only=("rows",))
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
    return rows, _asked(values)
