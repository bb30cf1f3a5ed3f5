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

from analytics.api.serializers_input import EARLIEST, LATEST
from analytics.models import (
    AnomalyEvent,
    AnomalyResult,
    BacktestRun,
    Forecast,
    Market,
    PatternResult,
    Severity,
    TrainedModel,
    TrainingRun,
)
from analytics.models.choices import Source, Task
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


class _Count(filters.NumberFilter):
    """A whole number from 0. The bounds also keep out 1e-999999999 and its like, which would take
    for ever to write out."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=0, **kwargs)

    def get_max_validator(self) -> Any:
        return None


class _Flag(filters.TypedChoiceFilter):
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


class MarketFilter(filters.FilterSet):
    class Meta:
        model = Market
        fields = ("asset", "fiat", "exchange")


class PriceFilter(SpanFilter):
    """The market itself is resolved by the view, which needs it to read one index."""


class RunFilter(OfMarket, SpanFilter):
    moment = "created_at"
    task = filters.ChoiceFilter(choices=Task.choices)
    status = filters.MultipleChoiceFilter(choices=TrainingRun.Status.choices)

    class Meta:
        model = TrainingRun
        fields = ("family",)


class BacktestFilter(OfMarket, SpanFilter):
    moment = "created_at"
    task = filters.ChoiceFilter(choices=BacktestRun.Task.choices)
    status = filters.MultipleChoiceFilter(choices=BacktestRun.Status.choices)

    class Meta:
        model = BacktestRun
        fields: tuple = ()


class ModelFilter(OfMarket):
    task = filters.ChoiceFilter(choices=Task.choices)
    status = filters.MultipleChoiceFilter(choices=TrainedModel.Status.choices)

    version = _Count()

    class Meta:
        model = TrainedModel
        fields = ("family",)


class ForecastFilter(OfMarket, SpanFilter):
    moment = "as_of"
    task = filters.ChoiceFilter(choices=Task.choices)
    source = filters.ChoiceFilter(choices=Source.choices)
    model_id = _Count()
    stale = _Flag()

    class Meta:
        model = Forecast
        fields: tuple = ()


class AnomalyFilter(OfMarket, SpanFilter):
    severity = filters.MultipleChoiceFilter(choices=Severity.choices)
    source = filters.ChoiceFilter(choices=Source.choices)
    label = filters.ChoiceFilter(
        choices=[("true", "true"), ("false", "false"), ("none", "none")], method="of_label"
    )
    model_id = _Count()
    min_score = filters.NumberFilter(field_name="score", lookup_expr="gte", min_value=0)
    acknowledged = _Flag(field_name="acknowledged_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = AnomalyResult
        fields = ("kind",)

    def of_label(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(event__feedback="" if value == "none" else value)


class EventFilter(OfMarket):
    """`from` and `to` take what lies in that time at least in part."""

    severity = filters.MultipleChoiceFilter(choices=Severity.choices)
    source = filters.ChoiceFilter(choices=Source.choices)
    open = _Flag(field_name="is_open")
    feedback = filters.ChoiceFilter(
        choices=[("true", "true"), ("false", "false"), ("none", "none")], method="of_feedback"
    )
    model_id = _Count()
    min_score = filters.NumberFilter(field_name="score", lookup_expr="gte", min_value=0)

    class Meta:
        model = AnomalyEvent
        fields = ("kind",)

    @classmethod
    def get_filters(cls) -> dict[str, Any]:
        # `from` is no name that Python lets a class body use.
        return {
            **super().get_filters(),
            "from": MomentFilter(field_name="end", lookup_expr="gte"),
            "to": MomentFilter(field_name="start", lookup_expr="lte"),
        }

    def of_feedback(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(feedback="" if value == "none" else value)


class PatternFilter(OfMarket, SpanFilter):
    moment = "as_of"
    source = filters.ChoiceFilter(choices=Source.choices)
    model_id = _Count()
    clear = _Flag()

    class Meta:
        model = PatternResult
        fields = ("label",)


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
