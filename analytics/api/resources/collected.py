"""What collecting makes of a market: price for an amount, depth, arbitrage, context, gaps."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.fields import Input, Moment
from analytics.api.inputs import query_input, read_query
from analytics.api.resources.collected_answers import (
    AmountAnswer,
    ChancesAnswer,
    CollectionAnswer,
    ContextAnswer,
    DepthAnswer,
    GapsAnswer,
)
from analytics.api.schema import documented, query_of
from analytics.api.views import ReadResource
from analytics.services.collection import amounts, books, chances, context, freshness


def amount_field(**kwargs: Any) -> serializers.DecimalField:
    kwargs.setdefault("min_value", Decimal("1e-8"))
    return serializers.DecimalField(max_digits=24, decimal_places=8, **kwargs)


class AmountInput(Input):
    side = serializers.ChoiceField(choices=["buy", "sell"], help_text="What the person does.")
    amount = amount_field(help_text="How much, in `currency`.")
    currency = serializers.ChoiceField(choices=["fiat", "asset"], required=False)
    payment = serializers.CharField(
        required=False, max_length=60, help_text="Only ads with it, as the venue writes it."
    )
    min_completion = serializers.DecimalField(
        max_digits=5,
        decimal_places=4,
        min_value=Decimal(0),
        max_value=Decimal(1),
        required=False,
        help_text="Only advertisers that complete this share of their orders.",
    )


class ChancesInput(Input):
    amount = amount_field(help_text="What one begins with, in the market's fiat.")
    trade_percent = amount_field(
        required=False, min_value=Decimal(0), max_value=Decimal(99), help_text="Fee of a trade."
    )
    transfer_percent = amount_field(
        required=False,
        min_value=Decimal(0),
        max_value=Decimal(99),
        help_text="Fee of moving the asset to another venue.",
    )
    transfer_fixed = amount_field(
        required=False, min_value=Decimal(0), help_text="The same, in units of the asset."
    )


class DepthInput(Input):
    at = Moment(required=False, help_text="The last book at or before it; the latest without.")
    payment = serializers.CharField(required=False, max_length=60)


class GapsInput(Input):
    days = serializers.IntegerField(required=False, min_value=1, max_value=3650)
    minutes = serializers.IntegerField(
        required=False, min_value=1, max_value=10_000_000, help_text="Only longer ones."
    )


class CollectedActions(ReadResource):
    """Of the market's viewset."""

    @documented(
        "What an amount would really cost or bring now",
        AmountAnswer,
        parameters=query_of(AmountInput),
        fails=(400, 404, 409, 503),
    )
    @action(detail=True, methods=["get"], name=_("Price for an amount"))
    def price(self, request: Request, pk: str) -> Response:
        wanted = read_query(request, AmountInput)
        market = self.get_object()
        return Response(amounts.amount_price(market=market, now=timezone.now(), **wanted))

    @documented(
        "Depth of the kept order book",
        DepthAnswer,
        parameters=query_of(DepthInput),
        fails=(400, 404, 409, 503),
    )
    @action(detail=True, methods=["get"], name=_("Depth"))
    def depth(self, request: Request, pk: str) -> Response:
        wanted = read_query(request, DepthInput)
        market = self.get_object()
        return Response(books.market_depth(market=market, now=timezone.now(), **wanted))

    @documented(
        "Gains across venues and cycles, from fresh quotes, after fees",
        ChancesAnswer,
        parameters=query_of(ChancesInput),
        fails=(400, 404, 503),
    )
    @action(detail=True, methods=["get"], name=_("Arbitrage"))
    def arbitrage(self, request: Request, pk: str) -> Response:
        wanted = read_query(request, ChancesInput)
        market = self.get_object()
        return Response(chances.market_chances(market=market, now=timezone.now(), **wanted))

    @documented(
        "Now against the last 30 days, and hours of the week", ContextAnswer, fails=(400, 404)
    )
    @action(detail=True, methods=["get"], name=_("Context"))
    def context(self, request: Request, pk: str) -> Response:
        query_input(request, allowed=())
        market = self.get_object()
        return Response(context.market_context(market=market, now=timezone.now()))

    @documented(
        "Stretches without a quote", GapsAnswer, parameters=query_of(GapsInput), fails=(400, 404)
    )
    @action(detail=True, methods=["get"], name=_("Gaps"))
    def gaps(self, request: Request, pk: str) -> Response:
        wanted = read_query(request, GapsInput)
        market = self.get_object()
        return Response(freshness.market_gaps(market=market, now=timezone.now(), **wanted))

    @documented("Freshness, and how collecting goes", CollectionAnswer, fails=(400, 404))
    @action(detail=True, methods=["get"], name=_("Collection"))
    def collection(self, request: Request, pk: str) -> Response:
        query_input(request, allowed=())
        market = self.get_object()
        return Response(freshness.market_collection(market=market, now=timezone.now()))
