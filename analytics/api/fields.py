"""Kinds of input that several calls share: a moment, a finite number, a market. Names, types and
shapes only; what the values mean is the services' business."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from analytics.retelling import retold

#: Moments outside cannot be moved by days, zones or nanoseconds without overflowing.
EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)


class Retold(serializers.CharField):
    """A sentence that a row keeps in the words of who stored it, told in the reader's language."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        return retold(super().to_representation(value))


class Moment(serializers.DateTimeField):
    """An ISO 8601 moment; without a zone it is UTC."""

    default_error_messages = {"range": _("Must lie between 1970 and 2200.")}

    def to_internal_value(self, value: Any) -> dt.datetime:
        # A plus sign that was not escaped in an address arrives as a space.
        text = value.replace(" ", "+") if isinstance(value, str) and "T" in value else value
        moment = super().to_internal_value(text).astimezone(dt.UTC)
        if not EARLIEST <= moment <= LATEST:
            self.fail("range")
        return moment


class FiniteFloat(serializers.FloatField):
    """DRF would take "nan", "inf" and true for numbers."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        try:
            value = super().to_internal_value(data)
        except OverflowError:
            self.fail("invalid")
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class MarketRef(serializers.CharField):
    """An id or a symbol such as USDT/BOB@binance_p2p."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        kwargs.setdefault("max_length", 100)
        kwargs.setdefault(
            "help_text", "Id or symbol of the market; may be left out while there is only one."
        )
        super().__init__(**kwargs)


class MarketRefs(serializers.ListField):
    """Several of them, each looked at only where they are not too many."""

    child = MarketRef(help_text="Id or symbol of a market.")
    default_error_messages = {
        "max_length": _(
            "At most {max_length} markets in one request: ask for the others in another one."
        )
    }

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, allow_empty=False, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        if isinstance(data, list) and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)


class Input(serializers.Serializer):
    # No docstring: the document of the API would repeat it for every input.
    @classmethod
    def names(cls) -> list[str]:
        return list(cls().fields)


class MarketInput(Input):
    market = MarketRef()
