"""Quotes deleted by market and time: a call of `prices`, in a file of its own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.fields import Input, MarketRef, Moment
from analytics.api.inputs import caller, chosen_market, read_query
from analytics.api.schema import documented, query_of
from analytics.models import PriceDeletion
from analytics.services.prices.deleting import prices_delete

#: No market has as many quotes.
_MOST_DIGITS = 15


class Confirmation(serializers.Field):
    """How many quotes it is about, or `true` for whatever there is."""

    default_error_messages = {"count": _("Must be the exact number of quotes, or true.")}

    def to_internal_value(self, data: Any) -> int | bool:
        text = str(data).strip().lower()
        if text in ("true", "false"):
            return text == "true"
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            self.fail("count")
        return int(text)


class DeletionInput(Input):
    market = MarketRef(required=True, help_text="Id or symbol of the market.")
    confirm = Confirmation(
        required=False,
        help_text="The exact number of quotes, which a call without it tells, or true.",
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        # `from` is no name that Python lets a class body use.
        return {
            **super().get_fields(),
            "from": Moment(required=False, help_text="First moment, included; open without."),
            "to": Moment(required=False, help_text="Last moment, included; open without."),
        }


class DeletionAnswer(serializers.ModelSerializer):
    market = serializers.CharField(source="label")
    deleted = serializers.IntegerField(source="rows")

    class Meta:
        model = PriceDeletion
        fields = ("id", "market", "deleted", "first", "last", "at")


class DeletePrices:
    """For the viewset of quotes."""

    @documented(
        "Delete the quotes of a market in a range, and what was made of them; ask once without "
        "`confirm` to learn how many",
        DeletionAnswer,
        parameters=query_of(DeletionInput),
        request=None,
        fails=(400, 404, 409),
    )
    def delete_many(self, request: Request) -> Response:
        values = read_query(request, DeletionInput)
        gone = prices_delete(
            market=chosen_market(values),
            start=values.get("from"),
            end=values.get("to"),
            confirm=values.get("confirm"),
            by=caller(request),
        )
        return Response(DeletionAnswer(gone).data)
