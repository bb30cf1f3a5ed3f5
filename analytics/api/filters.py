"""Filters and orders of the lists. A market is an id or a symbol, never a select box of all."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request

from analytics.api.fields import EARLIEST, LATEST
from analytics.selectors.prices import market_get


class _MomentField(IsoDateTimeField):
    def clean(self, value: Any) -> dt.datetime | None:
        text = value.replace(" ", "+") if isinstance(value, str) and "T" in value else value
        try:
            moment = super().clean(text)
            if moment is None or EARLIEST <= moment <= LATEST:
                return moment
        except OverflowError:
            pass
        raise forms.ValidationError(_("Must lie between 1970 and 2200."))


class MomentFilter(filters.IsoDateTimeFilter):
    field_class = _MomentField


class Count(filters.NumberFilter):
    """A whole number from 0. The bounds also keep out 1e-999999999 and its like, which would take
    for ever to write out."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=0, **kwargs)

    def get_max_validator(self) -> Any:
        return None


class Flag(filters.TypedChoiceFilter):
    """`true` or `false`: the library's boolean would take "maybe" for no filter at all."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        choices = [("true", "true"), ("false", "false")]
        super().__init__(*args, choices=choices, coerce=lambda text: text == "true", **kwargs)


class SpanFilter(filters.FilterSet):
    """`from` and `to`, both included, over the column that `moment` names."""

    moment = "timestamp"

    @classmethod
    def get_filters(cls) -> dict[str, Any]:
        # `from` is no name that Python lets a class body use.
        return {
            **super().get_filters(),
            "from": MomentFilter(field_name=cls.moment, lookup_expr="gte"),
            "to": MomentFilter(field_name=cls.moment, lookup_expr="lte"),
        }


class OfMarket(filters.FilterSet):
    market = filters.CharFilter(
        method="of_market", max_length=100, help_text="Id or symbol of the market."
    )

    def of_market(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(market=market_get(value))


class StrictOrdering(OrderingFilter):
    """An order that does not exist is an error, and equal rows keep one order over all pages."""

    def remove_invalid_fields(
        self, queryset: QuerySet, fields: list[str], view: Any, request: Request
    ) -> list[str]:
        known = {name for name, _title in self.get_valid_fields(queryset, view, {})}
        wrong = [name for name in fields if name.removeprefix("-") not in known]
        if wrong:
            text = _("Unknown; known are %(names)s.") % {"names": ", ".join(sorted(known))}
            raise ValidationError({"ordering": [text]})
        unique = getattr(view, "ordering_is_unique", False) or "id" in known & {
            name.removeprefix("-") for name in fields
        }
        return fields if unique else [*fields, "-id"]
