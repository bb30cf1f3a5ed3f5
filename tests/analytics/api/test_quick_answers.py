"""What makes answers quick changes none of them: renderer, kept fields, the market's look-up."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer

from analytics.api.dl.forecasts import PredictInput
from analytics.api.inputs import checked
from analytics.api.renderers import FiniteJSONRenderer
from analytics.exceptions import InvalidInput, NotFound
from analytics.models import Market
from analytics.selectors.prices import market_get


class Side(StrEnum):
    BID = "bid"


VALUES: list[Any] = [
    {"at": dt.datetime(2026, 5, 1, 12, 0, 0, 259691, tzinfo=dt.UTC)},
    {"at": dt.datetime(2026, 5, 1, tzinfo=dt.timezone(dt.timedelta(hours=-4)))},
    {"naive": dt.datetime(2026, 5, 1), "day": dt.date(2026, 5, 1), "clock": dt.time(12, 5)},
    {"lasts": dt.timedelta(hours=3), "id": uuid.UUID(int=7), "price": decimal.Decimal("9.30")},
    {"side": Side.BID, Side.BID: 1, "said": _("No"), "line": "a\u2028b\u2029c", "ñ": "€ 😀"},
    {"np": np.float64(1.5), "many": np.arange(3), "none": None, "yes": True, "pair": (1, 2.0)},
    {1: "a", "big": 10**25, "small": 1e-300, "third": 1 / 3, "whole": 1e22},
    [],
    "text",
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_the_quick_renderer_says_what_the_plain_one_does(value):
    assert json.loads(FiniteJSONRenderer().render(value)) == json.loads(
        JSONRenderer().render(value)
    )


def test_nothing_to_say_and_an_indent_are_as_before():
    assert FiniteJSONRenderer().render(None) == b""
    indented = FiniteJSONRenderer().render({"a": 1}, "application/json; indent=2")
    assert indented == JSONRenderer().render({"a": 1}, "application/json; indent=2")


def message(text: str, language: str) -> str:
    with translation.override(language), pytest.raises(ValidationError) as found:
        checked(PredictInput, {"market": text})
    return str(found.value.detail["market"][0])


def test_kept_fields_speak_each_language_whichever_came_first():
    english = message("x" * 200, "en")
    spanish = message("x" * 200, "es")
    assert english != spanish
    assert (message("x" * 200, "en"), message("x" * 200, "es")) == (english, spanish)


def test_kept_fields_hold_nothing_of_the_request_before():
    assert checked(PredictInput, {"market": "1", "at": "2026-05-01T12:00:00Z"})["market"] == "1"
    assert checked(PredictInput, {}) == {}


@pytest.mark.django_db
def test_a_market_is_found_in_any_case_and_told_from_its_likes():
    with pytest.raises(InvalidInput):
        market_get(None)
    one = Market.objects.create(asset="USDT", fiat="BOB", exchange="binance_p2p")
    assert market_get(None) == market_get("usdt/bob") == market_get("USDT/BOB@Binance_P2P") == one
    assert market_get(str(one.pk)) == one
    Market.objects.create(asset="USDT", fiat="BOB", exchange="binanceXp2p")
    assert market_get("USDT/BOB@binance_p2p") == one
    for asked in ("usdt/bob", None):
        with pytest.raises(InvalidInput):
            market_get(asked)
    with pytest.raises(NotFound):
        market_get("USDT/VES")


@pytest.mark.django_db
def test_a_market_that_changed_is_read_as_it_is_now():
    one = Market.objects.create(asset="USDT", fiat="BOB", exchange="binance_p2p")
    assert market_get("USDT/BOB").cadence_minutes == 30
    Market.objects.filter(pk=one.pk).update(cadence_minutes=5, reading={"decimal": ","})
    found = market_get("USDT/BOB")
    assert (found.cadence_minutes, found.reading) == (5, {"decimal": ","})
    assert found.created_at == one.created_at
