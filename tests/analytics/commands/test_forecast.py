"""The command that forecasts: one market, or several of which some cannot be answered."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from analytics.models import Market
from tests.factories import make_market, make_quotes

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture
def markets() -> list[Market]:
    """Too young for a version: their baseline answers."""
    found = [make_market("USDT/BOB@here"), make_market("USDT/VES@here")]
    for market in found:
        make_quotes(market, 60, end=timezone.now() - dt.timedelta(minutes=1))
    return found


def run(*words: str) -> tuple[str, str, str]:
    """What it said, what it said of errors, and the error it ended with."""
    out, err = StringIO(), StringIO()
    try:
        call_command("forecast", *words, stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), err.getvalue(), str(error)
    return out.getvalue(), err.getvalue(), ""


def test_several_markets_have_a_table_each(markets):
    out, err, error = run("--market", "USDT/BOB", "--market", "USDT/VES")
    assert out.index("USDT/BOB@here") < out.index("USDT/VES@here")
    assert (err, error) == ("", "")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_market_that_cannot_be_answered_hides_no_other_and_is_an_error(markets, form):
    make_market("USDT/ARS@bare")
    names = ("USDT/XXX", "USDT/BOB", "USDT/ARS")
    out, err, error = run(*(word for name in names for word in ("--market", name)), *form)
    assert "USDT/BOB@here" in out
    assert "There is no market USDT/XXX." in err
    assert "USDT/ARS@bare has no quotes" in err
    assert "USDT/XXX, USDT/ARS" in error
    if form:
        found = json.loads(out)
        assert [one["market"] for one in found["forecasts"]] == ["USDT/BOB@here"]
        assert [(one["market"], one["code"]) for one in found["failed"]] == [
            ("USDT/XXX", "unknown_market"),
            ("USDT/ARS", "no_history"),
        ]


def test_one_market_is_answered_without_a_list_around_it(markets):
    out, _err, error = run("--market", "USDT/BOB", "--json")
    assert (json.loads(out)["market"], error) == ("USDT/BOB@here", "")


def test_a_market_named_twice_is_refused(markets):
    _out, _err, error = run("--market", "USDT/BOB", "--market", "usdt/bob@HERE")
    assert "twice" in error
